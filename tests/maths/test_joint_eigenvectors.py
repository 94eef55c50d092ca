"""Joint eigenvectors: planted ones come back, and matrices that do not commute say so."""

import pytest
import torch

from interpretable_arch.maths.joint_eigenvectors import commutator_residual, joint_eigenvectors


def planted(d: int, count: int, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    vectors = torch.randn(d, d, generator=generator)
    vectors = vectors / vectors.norm(dim=0)
    values = torch.rand(count, d, generator=generator)
    return vectors @ torch.diag_embed(values) @ torch.linalg.inv(vectors), vectors, values


@pytest.mark.parametrize(("d", "count"), [(2, 1), (4, 10), (10, 50)])
def test_planted_eigenvectors_come_back(float64, generator, d, count):
    matrices, vectors, values = planted(d, count, generator)
    found = joint_eigenvectors(matrices)
    overlap = torch.linalg.solve(vectors, found.vectors)
    order = overlap.abs().argmax(0)
    assert sorted(order.tolist()) == list(range(d))
    torch.testing.assert_close(found.values, values[:, order], atol=1e-8, rtol=0)
    torch.testing.assert_close(found.inverse @ found.vectors, torch.eye(d), atol=1e-8, rtol=0)
    assert found.residual < 1e-9
    assert found.complex_pairs == 0


def test_order_and_signs_do_not_depend_on_the_basis(float64, generator):
    matrices, *_ = planted(5, 8, generator)
    basis = torch.linalg.qr(torch.randn(5, 5, generator=generator)).Q
    first, second = joint_eigenvectors(matrices), joint_eigenvectors(basis @ matrices @ basis.T)
    torch.testing.assert_close(first.values, second.values, atol=1e-9, rtol=0)


def test_refinement_beats_one_combination(float64, generator):
    matrices, vectors, _ = planted(8, 40, generator)
    noisy = matrices + 2e-3 * torch.randn(matrices.shape, generator=generator)
    start, refined = joint_eigenvectors(noisy, sweeps=0), joint_eigenvectors(noisy)
    assert refined.residual < start.residual

    def error(found: torch.Tensor) -> float:
        return float(((vectors.T @ found).abs().amax(0) - 1).abs().max())

    assert error(refined.vectors) < error(start.vectors)


def test_by_hand_two_triangular_matrices(float64):
    # Both have the eigenvectors (1, 0) and (1, 1), with values 1, 3 and 2, 0.
    matrices = torch.tensor([[[1.0, 2.0], [0.0, 3.0]], [[2.0, -2.0], [0.0, 0.0]]])
    found = joint_eigenvectors(matrices)
    torch.testing.assert_close(found.values, torch.tensor([[3.0, 1.0], [0.0, 2.0]]))
    torch.testing.assert_close(found.vectors[:, 0], torch.tensor([0.5, 0.5]).sqrt())
    torch.testing.assert_close(found.vectors[:, 1], torch.tensor([1.0, 0.0]))
    assert commutator_residual(matrices)[1] < 1e-15


def test_the_commutator_of_two_matrices_by_hand(float64):
    up = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    mean, largest = commutator_residual(torch.stack([up, up.T]))
    # [E12, E21] = diag(1, -1), of norm sqrt 2; both have norm 1: the largest that there is.
    assert mean == pytest.approx(2**0.5)
    assert largest == pytest.approx(2**0.5)
    assert commutator_residual(up[None]) == (0.0, 0.0)


def test_a_random_tuple_does_not_commute_and_says_so(float64, generator):
    matrices = torch.randn(10, 6, 6, generator=generator)
    assert commutator_residual(matrices)[0] > 0.3
    assert joint_eigenvectors(matrices).residual > 0.5


def test_equal_eigenvalues_are_named(float64, generator):
    matrices, vectors, values = planted(4, 6, generator)
    values[:, 2] = values[:, 1]
    matrices = vectors @ torch.diag_embed(values) @ torch.linalg.inv(vectors)
    gap, (a, b) = joint_eigenvectors(matrices).smallest_gap
    assert gap < 1e-9
    found = joint_eigenvectors(matrices).values
    torch.testing.assert_close(found[:, a], found[:, b])


@pytest.mark.parametrize("angle", [0.3, 1.2])
def test_complex_pairs_are_counted(float64, angle):
    cos, sin = torch.tensor(angle).cos(), torch.tensor(angle).sin()
    turn = torch.stack([torch.stack([cos, -sin]), torch.stack([sin, cos])])
    found = joint_eigenvectors(turn[None])
    assert found.complex_pairs == 1
    assert found.residual > 0.1


def test_a_defective_matrix_gives_finite_vectors(float64):
    found = joint_eigenvectors(torch.tensor([[[1.0, 1.0], [0.0, 1.0]]]))
    assert found.vectors.isfinite().all()
    assert found.inverse.isfinite().all()


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="matrices: wanted finite"):
        joint_eigenvectors(torch.full((2, 3, 3), torch.nan))
