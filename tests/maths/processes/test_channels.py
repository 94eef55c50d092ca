"""Channels on real coordinates: against density matrices, the forward algorithm, all words."""

import itertools
import math

import pytest
import torch

from interpretable_arch.maths.processes.channels import (
    coordinates,
    effects,
    hermitian_basis,
    hidden_markov_kraus,
    matrices,
    spectral_gap,
    stationary,
    superoperators,
    trace_row,
)
from interpretable_arch.maths.processes.distance import minimal_rank, process_distance
from interpretable_arch.maths.processes.isometry import nearest_isometry


def kraus(vocab: int, k: int, d: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(vocab * k * d, d, generator=generator, dtype=torch.complex128)
    return nearest_isometry(x / len(x) ** 0.5).reshape(vocab, k, d, d)


def automaton(K: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    S = superoperators(K, hermitian_basis(K.shape[-1], K))
    return stationary(S.sum(0)), S, trace_row(K.shape[-1], S)


def test_the_basis_is_orthonormal_and_hermitian(float64):
    basis = hermitian_basis(3, torch.zeros(()))
    torch.testing.assert_close(basis, basis.mH)
    gram = torch.einsum("aij,bji->ab", basis, basis)
    torch.testing.assert_close(gram, torch.eye(9, dtype=torch.complex128))
    torch.testing.assert_close(torch.einsum("aii->a", basis).real, trace_row(3, torch.zeros(())))
    torch.testing.assert_close(basis[:3].real, torch.diag_embed(torch.eye(3)))


def test_a_superoperator_does_what_its_operators_do():
    K = kraus(3, 2, 3)
    basis = hermitian_basis(3, K)
    A = torch.randn(3, 3, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))
    rho = A @ A.mH / torch.einsum("ii->", A @ A.mH)
    r, S = coordinates(rho, basis), superoperators(K, basis)
    torch.testing.assert_close(matrices(r, basis), rho)
    for w in range(3):
        wanted = sum(k @ rho @ k.mH for k in K[w])
        torch.testing.assert_close(matrices(r @ S[w], basis), wanted)
        p = torch.einsum("ij,ji->", effects(K)[w], rho).real
        torch.testing.assert_close(r @ S[w] @ trace_row(3, r), p)


def test_the_stationary_state_is_kept():
    r, S, t = automaton(kraus(4, 2, 3))
    torch.testing.assert_close(r @ S.sum(0), r)
    torch.testing.assert_close(r @ t, torch.ones((), dtype=torch.float64))
    assert 0 < spectral_gap(S.sum(0)) < 1


def test_the_gap_closes_where_two_states_are_kept():
    two = torch.eye(2, dtype=torch.complex128)[None, None]
    S = superoperators(two, hermitian_basis(2, two))
    assert spectral_gap(S.sum(0)) == pytest.approx(0, abs=1e-12)


def test_the_nearest_isometry_is_the_polar_factor():
    x = torch.randn(12, 3, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    x = x * torch.tensor([0.1, 1, 3])
    u, _, vh = torch.linalg.svd(x, full_matrices=False)
    torch.testing.assert_close(nearest_isometry(x), u @ vh)


@pytest.mark.parametrize("scale", [1e-3, 0.02, 1.0, 1e3])
def test_the_nearest_isometry_from_any_scale_and_a_thousandfold_spread(scale):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 3, dtype=torch.complex128, generator=generator)
    u, _, vh = torch.linalg.svd(x, full_matrices=False)
    x = scale * (u * torch.tensor([1, 0.1, 1e-3])) @ vh
    torch.testing.assert_close(nearest_isometry(x), u @ vh, rtol=0, atol=1e-10)
    torch.testing.assert_close(torch.vmap(nearest_isometry)(x[None])[0], u @ vh, rtol=0, atol=1e-10)


TRANSITION = [[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.0, 0.4, 0.6]]
EMISSION = [[0.7, 0.3], [0.1, 0.9], [0.5, 0.5]]


def tables() -> tuple[torch.Tensor, torch.Tensor]:
    kind = torch.float64
    return torch.tensor(TRANSITION, dtype=kind), torch.tensor(EMISSION, dtype=kind)


def test_words_of_a_hidden_markov_model_have_the_probabilities_of_the_forward_algorithm():
    transition, emission = tables()
    r, S, t = automaton(hidden_markov_kraus(transition, emission))
    start = torch.linalg.matrix_power(transition, 2000)[0]
    for word in itertools.product(range(2), repeat=4):
        alpha = start
        state = r
        for w in word:
            alpha, state = (alpha * emission[:, w]) @ transition, state @ S[w]
        assert float(state @ t - alpha.sum()) == pytest.approx(0, abs=1e-12)
        # The state is the belief itself: the classical coordinates, and no others.
        torch.testing.assert_close(state[:3], alpha, rtol=0, atol=1e-12)
        assert not state[3:].any()


@pytest.mark.parametrize("wrong", ["transition", "emission"])
def test_tables_that_are_no_distributions_are_refused(wrong):
    given = dict(zip(("transition", "emission"), tables(), strict=True))
    given[wrong] = given[wrong] * 2
    with pytest.raises(ValueError, match=f"{wrong}: wanted rows that sum to 1"):
        hidden_markov_kraus(**given)


def test_process_distance_is_the_sum_over_all_words():
    first, second = automaton(kraus(2, 1, 2, 0)), automaton(kraus(2, 1, 2, 1))
    total = 0.0
    for length in range(8):
        for word in itertools.product(range(2), repeat=length):
            p, q = ((m[0], m[2]) for m in (first, second))
            (a, t), (b, u) = p, q
            for w in word:
                a, b = a @ first[1][w], b @ second[1][w]
            total += float(a @ t - b @ u) ** 2
    assert process_distance(first, second) == pytest.approx(total**0.5, rel=1e-10)
    assert process_distance(first, first) < 1e-8
    r, S, t = first
    assert math.isnan(process_distance((r * math.nan, S, t), second))


def test_two_sets_of_operators_that_no_gauge_joins_are_one_process():
    """The belief with or without coherences: operators |f_i><i| only read the diagonal."""
    transition, emission = tables()
    many = hidden_markov_kraus(transition, emission)
    few = torch.zeros(2, 3, 3, 3, dtype=torch.complex128)
    for i in range(3):
        few[:, i, :, i] = torch.einsum("w,j->wj", emission[i], transition[i]).sqrt()
    a, b = automaton(many), automaton(few)
    assert process_distance(a, b) < 1e-8
    assert many.shape != few.shape
    assert minimal_rank(a) == minimal_rank(b) == 3


def test_the_least_number_of_states():
    assert minimal_rank(automaton(kraus(3, 1, 2))) == 4
    # A process without memory has one, however many coordinates it is given.
    flat = torch.full((3, 1), 1 / 3, dtype=torch.float64)
    memoryless = hidden_markov_kraus(flat.expand(3, 3), flat.new_tensor([[0.2, 0.8]] * 3))
    assert minimal_rank(automaton(memoryless)) == 1
    with pytest.raises(ValueError, match="wanted 3 tokens, got 2"):
        process_distance(automaton(kraus(3, 1, 2)), automaton(kraus(2, 1, 2)))
