"""Symmetric forms: coordinates keep the norm, the monomials are those of the matrix, eigenpairs."""

import math

import pytest
import torch

from interpretable_arch.maths import symmetric_forms


def matrices(count: int, d: int) -> torch.Tensor:
    torch.manual_seed(0)
    found = torch.randn(count, d, d)
    return found + found.mT


@pytest.mark.parametrize("d", [1, 2, 5])
def test_coordinates_and_matrix_undo_each_other_and_keep_the_norm(float64, d):
    M = matrices(3, d)
    row = symmetric_forms.coordinates(M)
    assert row.shape == (3, symmetric_forms.size(d))
    torch.testing.assert_close(symmetric_forms.matrix(row, symmetric_forms.places(d)), M)
    torch.testing.assert_close(row.square().sum(-1), M.square().sum((-1, -2)))


def test_two_by_two_by_hand(float64):
    M = torch.tensor([[1.0, 2.0], [2.0, 5.0]])
    wanted = torch.tensor([1.0, 2 * math.sqrt(2), 5.0])
    torch.testing.assert_close(symmetric_forms.coordinates(M), wanted)
    x = torch.tensor([[1.0, 3.0]])
    assert float(symmetric_forms.values(x, M[None])) == 1 + 2 * 2 * 3 + 5 * 9


def test_only_the_symmetric_part_has_coordinates(float64):
    M = matrices(1, 4) + torch.triu(torch.ones(4, 4), 1)
    half = (M + M.mT) / 2
    torch.testing.assert_close(symmetric_forms.coordinates(M), symmetric_forms.coordinates(half))
    x = torch.randn(6, 4)
    torch.testing.assert_close(symmetric_forms.values(x, M), symmetric_forms.values(x, half))


def test_eigenpairs_are_the_form(float64):
    M, x = matrices(3, 5), torch.randn(7, 5)
    for form, found in zip(M, symmetric_forms.eigenpairs(M), strict=True):
        torch.testing.assert_close(found.form(x), torch.einsum("ni,ij,nj->n", x, form, x))
        assert bool((found.values.abs().diff() <= 1e-12).all())
