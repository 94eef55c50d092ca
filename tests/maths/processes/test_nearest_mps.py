"""LSRDR: its direction is the gradient, what it finds is stationary, and how many it finds."""

import numpy as np
import pytest
import torch

from interpretable_arch.maths.processes.nearest_mps import (
    _point,
    fidelity,
    natural,
    nearest_mps,
    plain,
)
from interpretable_arch.maths.processes.operator_tuples import (
    ColumnTuple,
    DenseTuple,
    operator_tuple,
)
from interpretable_arch.maths.processes.uniform_mps import change_basis, in_schmidt_basis
from training.data.markov_walks import chain_operators
from training.data.planted_period import period_matrix


def normal(*shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.complex128)


def generic(seed: int, n: int = 8, vocab: int = 2) -> DenseTuple:
    return DenseTuple(normal(vocab, n, n, seed=seed))


def corpus(alternate: float) -> DenseTuple | ColumnTuple:
    return operator_tuple(chain_operators(period_matrix(0.9, alternate, 2, 0)))


def classes(data: DenseTuple | ColumnTuple, vocab: int, d: int, starts: int) -> list[int]:
    """How many starts lead to each canonical form, largest first; every start must arrive."""
    found: list[tuple[torch.Tensor, int]] = []
    for seed in range(starts):
        got = nearest_mps(data, normal(vocab, d, d, seed=seed))
        assert got.residual <= 1e-9
        for i, (X, count) in enumerate(found):
            if float((X - got.X).abs().max()) < 1e-6:
                found[i] = (X, count + 1)
                break
        else:
            found.append((got.X, 1))
    return sorted((count for _, count in found), reverse=True)


def test_the_direction_is_the_gradient_in_the_metric_of_states():
    data, X, Z = generic(0), normal(2, 3, 3, seed=1), normal(2, 3, 3, seed=2)
    here = _point(data, X, None, plain)
    step = 1e-6
    ahead, back = (fidelity(data, here.X + t * Z).log() for t in (step, -step))
    slope = float((ahead - back) / (2 * step))
    assert slope == pytest.approx(float((here.along * Z.conj()).sum().real), rel=1e-6)


def test_what_is_found_is_stationary_and_its_projection_one():
    data = generic(1)
    found = nearest_mps(data, normal(2, 3, 3, seed=0))
    assert found.residual <= 1e-9
    assert found.projection <= 1e-7
    assert float(fidelity(data, found.X)) == pytest.approx(found.fidelity, abs=1e-12)
    away = _point(data, normal(2, 3, 3, seed=0), None, natural).projection
    assert float((away @ away - away).norm() / away.norm()) > 0.1


def test_no_neighbour_is_nearer():
    data = generic(2)
    found = nearest_mps(data, normal(2, 2, 2, seed=0))
    for seed in range(5):
        near = found.X + 1e-3 * normal(2, 2, 2, seed=seed)
        assert float(fidelity(data, near)) <= found.fidelity + 1e-12


def test_a_state_that_fits_is_found_exactly():
    A = normal(3, 2, 2, seed=3)
    wide = torch.zeros(3, 4, 4, dtype=A.dtype)
    wide[:, :2, :2] = A
    found = nearest_mps(
        DenseTuple(change_basis(wide, normal(4, 4, seed=4))), normal(3, 2, 2, seed=5)
    )
    assert found.fidelity == pytest.approx(1, abs=1e-9)
    wanted, _ = in_schmidt_basis(A)
    assert float((found.X.abs() - wanted.abs()).abs().max()) <= 1e-6


def test_another_basis_of_start_or_data_gives_the_same_canonical_form():
    data, start = generic(4), normal(2, 3, 3, seed=0)
    first = nearest_mps(data, start).X
    turned = nearest_mps(data, (0.3 + 2j) * change_basis(start, normal(3, 3, seed=7))).X
    other = nearest_mps(DenseTuple(change_basis(data.A, normal(8, 8, seed=8))), start).X
    assert float((turned - first).abs().max()) <= 1e-7
    assert float((other - first).abs().max()) <= 1e-7


def test_a_chain_has_one_real_answer_from_eight_complex_starts():
    draw = np.random.default_rng(0).dirichlet(np.ones(9), size=9)
    data = operator_tuple(chain_operators(draw))
    found = [nearest_mps(data, normal(9, 3, 3, seed=s)) for s in range(8)]
    for one in found:
        assert one.residual <= 1e-9
        assert float((one.X - found[0].X).abs().max()) <= 1e-6
        assert float(one.X.imag.abs().max()) <= 1e-6


def test_the_answer_to_a_chain_has_rank_one_tokens():
    data = operator_tuple(chain_operators(np.random.default_rng(1).dirichlet(np.ones(6), size=6)))
    values = torch.linalg.svdvals(nearest_mps(data, normal(6, 3, 3, seed=0)).X)
    assert float((values[:, 1] / values[:, 0]).max()) < 1e-8


def test_the_aperiodic_corpus_must_show_two_optima():
    found = classes(corpus(0.9), 8, 2, 12)
    assert len(found) == 2
    assert sum(found) == 12


def test_the_periodic_corpus_is_refused():
    with pytest.raises(ValueError, match="periodic or falls apart"):
        nearest_mps(corpus(1.0), normal(8, 2, 2, seed=0))


def test_a_bond_above_the_size_of_the_data_is_refused():
    for d in (3, 4):
        refused = pytest.raises(ValueError, match=f"d: wanted at most 2, .* got {d}")
        with refused:
            nearest_mps(generic(0, n=2), normal(2, d, d, seed=0))
    assert nearest_mps(generic(0, n=2), normal(2, 2, 2, seed=0)).fidelity == pytest.approx(1)


def test_random_tuples_have_several_optima():
    assert len(classes(generic(1), 2, 2, 8)) >= 2


def test_the_natural_gradient_takes_fewer_steps_than_the_plain_one():
    data = [generic(seed) for seed in range(3)]
    starts = [normal(2, 3, 3, seed=seed) for seed in range(3)]
    steps = {
        metric.__name__: sum(
            nearest_mps(a, x, most=2000, metric=metric).steps
            for a, x in zip(data, starts, strict=True)
        )
        for metric in (natural, plain)
    }
    assert 2 * steps["natural"] < steps["plain"]


def test_what_has_not_arrived_says_so():
    found = nearest_mps(generic(0), normal(2, 3, 3, seed=0), most=2)
    assert found.steps == 2
    assert found.residual > 1e-3
