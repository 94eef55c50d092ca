"""Uniform matrix product states: fixed points, the canonical form, and where it is none."""

import pytest
import torch

from interpretable_arch.maths.processes.uniform_mps import (
    anchors,
    change_basis,
    in_schmidt_basis,
    isometric,
    schmidt_basis,
    spectral_radius,
)


def random_tuple(vocab: int, d: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(vocab, d, d, generator=generator, dtype=torch.complex128)


def moved(X: torch.Tensor, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    B = torch.randn(X.shape[1:], generator=generator, dtype=X.dtype)
    return 1.7 * change_basis(X, B)


@pytest.mark.parametrize("d", [1, 2, 4])
def test_the_isometric_form_keeps_every_probability(d):
    X = random_tuple(3, d, 0)
    Y = isometric(X)
    eye = torch.eye(d, dtype=X.dtype)
    torch.testing.assert_close(torch.einsum("wij,wkj->ik", Y, Y.conj()), eye)
    # p(w) by 400 applications of the transfer operator on either side, slow and obvious.
    left = right = eye
    for _ in range(400):
        right = torch.einsum("wij,jk,wlk->il", X, right, X.conj())
        left = torch.einsum("wji,jk,wkl->il", X.conj(), left, X)
        right, left = right / right.norm(), left / left.norm()
    wanted = torch.einsum("ij,wjk,kl,wil->w", left, X, right, X.conj()).real
    kept = left_fixed(Y)
    got = torch.einsum("ij,wjk,wik->w", kept, Y, Y.conj()).real
    torch.testing.assert_close(got, wanted / wanted.sum())


def left_fixed(Y: torch.Tensor) -> torch.Tensor:
    left = torch.eye(Y.shape[1], dtype=Y.dtype)
    for _ in range(400):
        left = torch.einsum("wji,jk,wkl->il", Y.conj(), left, Y)
        left = left / left.diagonal().sum()
    return left


def test_spectral_radius_of_scalars_is_the_sum_of_squares():
    X = torch.tensor([3.0, 4.0j], dtype=torch.complex128).reshape(2, 1, 1)
    assert float(spectral_radius(X)) == pytest.approx(25)


def test_in_the_schmidt_basis_one_fixed_point_is_the_identity_and_the_other_diagonal():
    X, weights = in_schmidt_basis(random_tuple(4, 3, 1))
    torch.testing.assert_close(
        torch.einsum("wij,wkj->ik", X, X.conj()), torch.eye(3, dtype=X.dtype)
    )
    Q = torch.diag(weights).to(X.dtype)
    torch.testing.assert_close(torch.einsum("wji,jk,wkl->il", X.conj(), Q, X), Q)
    assert float(weights.sum()) == pytest.approx(1)
    assert bool((weights.diff() < 0).all())
    row = X.sum(0)[0, 1:]
    assert bool((row.real > 0).all())
    assert float(row.imag.abs().max()) < 1e-14


@pytest.mark.parametrize("seed", range(3))
def test_gauge_copies_have_one_canonical_form(seed):
    X = random_tuple(4, 3, seed)
    first, weights = in_schmidt_basis(X)
    second, others = in_schmidt_basis(moved(X, seed + 50))
    assert float((second - first).abs().max()) <= 1e-8
    assert float((weights - others).abs().max()) <= 1e-8


def test_a_phase_of_the_whole_is_what_is_left():
    X = random_tuple(4, 3, 0)
    first, _ = in_schmidt_basis(X)
    turn = torch.polar(torch.tensor(1.0), torch.tensor(0.7)).to(X.dtype)
    second, _ = in_schmidt_basis(turn * X)
    # The row's phases are relative to the diagonal, which the whole phase leaves alone.
    assert float((second.abs() - first.abs()).abs().max()) <= 1e-8


def test_a_state_of_smaller_bond_is_refused():
    X = torch.zeros(3, 2, 2, dtype=torch.complex128)
    X[:, 0] = random_tuple(3, 2, 0)[:, 0]
    with pytest.raises(ValueError, match="wanted a state of bond d = 2"):
        schmidt_basis(X)


def test_equal_weights_are_seen():
    """A cut of two equal halves: any basis of it is as good as another."""
    X = torch.zeros(4, 2, 2, dtype=torch.complex128)
    for w, (i, j) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        X[w, i, j] = 0.5**0.5
    assert float(anchors(X).schmidt.min()) < 1e-12
