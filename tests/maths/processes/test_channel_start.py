"""Operators from counted moves: by hand, exact with enough of them, an isometry with fewer."""

import pytest
import torch

from interpretable_arch.maths.processes.channel_start import moves, predictor_kraus
from interpretable_arch.maths.processes.channels import (
    hermitian_basis,
    stationary,
    superoperators,
    trace_row,
)


def test_moves_by_hand():
    tokens = torch.tensor([[0, 1, 0, 1]])
    states = torch.tensor([[0, 1, 1, 0]])
    found = moves(tokens, states, vocab=2, count=2)
    wanted = torch.zeros(2, 2, 2, dtype=torch.float64)
    wanted[1, 0, 1] = 1  # from 0 by token 1 to 1
    wanted[0, 1, 1] = 1
    wanted[1, 1, 0] = 1
    torch.testing.assert_close(found, wanted)


def test_symbols_out_of_range_are_named():
    known = torch.tensor([[0, 1, 0]])
    with pytest.raises(ValueError, match="tokens: wanted 0 to 1, as there are 2, got 2"):
        moves(known * 2, known, vocab=2, count=2)
    with pytest.raises(ValueError, match="states: wanted 0 to 1, as there are 2, got -1"):
        moves(known, -known, vocab=2, count=2)


def counts(generator: torch.Generator) -> torch.Tensor:
    return torch.rand(4, 3, 3, generator=generator, dtype=torch.float64) + 0.1


@pytest.mark.parametrize("kraus", [1, 2, 3])
def test_the_operators_are_an_isometry(generator, kraus):
    K = predictor_kraus(counts(generator), kraus).flatten(0, 2)
    torch.testing.assert_close(K.mH @ K, torch.eye(3, dtype=K.dtype))


def test_as_many_operators_as_states_are_the_predictor_exactly(generator):
    found = counts(generator)
    odds = found / found.sum((0, 2))[None, :, None]
    K = predictor_kraus(found, 3)
    S = superoperators(K, hermitian_basis(3, K))
    r, t = stationary(S.sum(0)), trace_row(3, S)
    belief = torch.linalg.matrix_power(odds.sum(0), 200)[0]
    for w in (0, 3, 1, 2):
        r, belief = r @ S[w], belief @ odds[w]
        torch.testing.assert_close(r @ t, belief.sum())


def test_the_phases_go_once_round_over_the_tokens():
    """Two tokens, one operator, two states that move alike: the second's phase turns by pi."""
    K = predictor_kraus(torch.ones(2, 2, 2, dtype=torch.float64), 1)
    wanted = torch.stack([torch.ones(2, 2), torch.tensor([[1.0, -1.0], [1.0, -1.0]])]) / 2
    torch.testing.assert_close(K[:, 0], wanted.to(K))


@pytest.mark.parametrize(("vocab", "d"), [(1, 2), (2, 3)])
def test_states_that_one_operator_cannot_keep_apart_are_refused(vocab, d):
    with pytest.raises(ValueError, match=f"kraus: wanted operators that keep {d} states apart"):
        predictor_kraus(torch.ones(vocab, d, d, dtype=torch.float64), 1)


def test_a_state_never_left_goes_everywhere(generator):
    found = counts(generator)
    found[:, 1] = 0
    K = predictor_kraus(found, 3)
    torch.testing.assert_close(K[:, 1, :, 1].abs().square(), torch.full((4, 3), 1 / 12).double())
