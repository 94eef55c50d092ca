"""Quadratic forms by their symmetric matrices, and the coordinates in which their norm is plain.

    q(x) = x M x^T,    |M|^2 = sum_i M_ii^2 + 2 sum_{i<j} M_ij^2

The Frobenius norm counts an off-diagonal entry twice, once a triangle. In the coordinates M_ii and
sqrt(2) M_ij it is the plain sum of squares, so that a matrix and its row of d (d + 1) / 2 numbers
have the same length, and each number is the coefficient of one monomial: x_i^2 or sqrt(2) x_i x_j.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.maths.quadratic import Eigenfeatures


def size(d: int) -> int:
    """How many coordinates a symmetric d x d matrix has."""
    return d * (d + 1) // 2


def places(d: int) -> Int[Tensor, "d d"]:
    """Which coordinate each entry of the matrix is, both triangles alike, row by row."""
    rows, columns = torch.triu_indices(d, d)
    found = torch.empty(d, d, dtype=torch.long)
    found[rows, columns] = torch.arange(size(d))
    found[columns, rows] = torch.arange(size(d))
    return found


def matrix(
    coordinates: Float[Tensor, "*form size"], at: Int[Tensor, "d d"]
) -> Float[Tensor, "*form d d"]:
    """The symmetric matrices of rows of coordinates; `at` is `places(d)`."""
    halves = torch.eye(at.shape[0], dtype=coordinates.dtype, device=coordinates.device)
    return coordinates[..., at] * torch.where(halves > 0, 1.0, math.sqrt(0.5))


def coordinates(matrices: Float[Tensor, "*form d d"]) -> Float[Tensor, "*form size"]:
    """The row of each symmetric matrix; of any other matrix, that of its symmetric part."""
    d = matrices.shape[-1]
    rows, columns = torch.triu_indices(d, d, device=matrices.device)
    both = (matrices[..., rows, columns] + matrices[..., columns, rows]) / 2
    return both * torch.where(rows == columns, 1.0, math.sqrt(2))


def values(
    x: Float[Tensor, "*index d"], matrices: Float[Tensor, "form d d"]
) -> Float[Tensor, "*index form"]:
    """x M x^T for each form, also of matrices that are not symmetric."""
    return torch.einsum("...cj,...j->...c", torch.einsum("...i,cij->...cj", x, matrices), x)


def eigenpairs(matrices: Float[Tensor, "form d d"]) -> tuple[Eigenfeatures, ...]:
    """Per form its eigenpairs, the largest in size first; q(x) = sum_i lambda_i (v_i . x)^2."""
    found, vectors = torch.linalg.eigh(matrices)
    order = found.abs().argsort(dim=-1, descending=True, stable=True)
    return tuple(Eigenfeatures(v[o], w.T[o]) for v, w, o in zip(found, vectors, order, strict=True))
