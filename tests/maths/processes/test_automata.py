"""States after each token are those of the product, however it is computed; floors keep odds up."""

import pytest
import torch

from interpretable_arch.maths.processes.automata import (
    floored,
    floors,
    log_losses,
    readout,
    states_after,
)
from training.data.hidden_process import planted


def model(states: int, vocab: int) -> tuple:
    generator = torch.Generator().manual_seed(0)
    draw = torch.rand(vocab, states, states, generator=generator, dtype=torch.float64)
    return (
        torch.rand(states, generator=generator, dtype=torch.float64),
        draw,
        torch.ones(states, dtype=torch.float64),
    )


@pytest.mark.parametrize("states", [3, 17])
def test_the_state_is_the_product_divided_by_its_mass(states: int) -> None:
    a, A, b = model(states, 4)
    tokens = torch.tensor([[0, 3, 1, 2, 2, 0, 1, 3, 3]])
    found = states_after((a, A, b), tokens)
    row = a
    for position, token in enumerate(tokens[0].tolist()):
        row = row @ A[token]
        mass = row @ A.sum(0) @ b
        torch.testing.assert_close(found[0, position], row / mass)
    odds = found @ readout((a, A, b))[0].T
    torch.testing.assert_close(odds.sum(-1), torch.ones(1, 9, dtype=torch.float64))


def test_what_cannot_happen_starts_again() -> None:
    start, end = torch.tensor([1.0, 0.0]), torch.ones(2)
    operators = torch.tensor([[[0.5, 0.0], [0.0, 0.0]], [[0.0, 0.5], [0.0, 0.0]]])
    found = states_after((start, operators, end), torch.tensor([[1, 1]]))
    torch.testing.assert_close(found[0, 1], start)


@pytest.mark.parametrize("states", [2, 17])
def test_after_a_token_never_seen_the_rest_is_foretold_as_from_the_start(states: int) -> None:
    a, A, b = model(states, 5)
    A[4] = 0
    tokens = torch.tensor([[0, 4, 1, 2, 4, 4, 3, 0, 1], [0, 1, 2, 3, 3, 2, 1, 0, 1]])
    found = states_after((a, A, b), tokens)
    torch.testing.assert_close(found[0, 2:4], states_after((a, A, b), tokens[:1, 2:4])[0])
    torch.testing.assert_close(found[0, 6:], states_after((a, A, b), tokens[:1, 6:])[0])
    torch.testing.assert_close(found[1], states_after((a, A, b), tokens[1:])[0])
    vmapped = torch.vmap(lambda row: states_after((a, A, b), row))(tokens)
    torch.testing.assert_close(vmapped, found)


def test_after_tokens_that_exclude_each_other_it_starts_again_at_the_second() -> None:
    """No operator is zero, but the product of the two is."""
    process = planted("two_states_four_symbols")
    start, operators, end = process.start, process.operators, process.end
    model = torch.tensor(start), torch.tensor(operators), torch.tensor(end)
    tokens = torch.tensor([0, 1, 0, 0, 2, 3, 2])
    found = states_after(model, tokens)
    torch.testing.assert_close(found[2:5], states_after(model, tokens[2:5]))
    torch.testing.assert_close(found[6:], states_after(model, tokens[6:]))


def test_the_floor_by_hand() -> None:
    found = floored(torch.tensor([1.2, -0.2, 0.0]), torch.tensor([0.1, 0.1, 0.2]))
    torch.testing.assert_close(found, torch.tensor([1.2, 0.1, 0.2]) / 1.5)


def test_a_token_that_never_stands_has_a_floor_too() -> None:
    operators = torch.tensor([[[1.0]], [[0.0]]])
    found = floors((torch.ones(1), operators, torch.ones(1)), 0.1)
    torch.testing.assert_close(found, torch.tensor([0.075, 0.025]))


def test_log_loss_is_that_of_the_odds() -> None:
    a, A, b = model(2, 3)
    rows = torch.tensor([[0, 2, 1]])
    odds = states_after((a, A, b), rows[:, :-1]) @ readout((a, A, b))[0].T
    found = log_losses((a, A, b), rows, (1e-6, 0.5))
    for share, losses in zip((1e-6, 0.5), found, strict=True):
        p = floored(odds, floors((a, A, b), share))
        torch.testing.assert_close(losses[0], -torch.stack([p[0, 0, 2], p[0, 1, 1]]).log())
