"""Exact matrices of a representation: over a cyclotomic field, unitary after a diagonal scaling.

M(g) = numerators[g] / denominator, the numerators in Z[zeta_n], in an orthogonal basis whose
vectors have the exact squared norms D_i = norms[i] / norms_denominator.  In the orthonormal basis
the matrix is U(g)_ij = M(g)_ij sqrt(D_i / D_j).  So products are checked without a square root.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Complex, Int, Shaped
from torch import Tensor

from interpretable_arch.maths.groups.cyclotomic import (
    galois,
    matrix_product,
    powers,
    smallest_field,
    to_complex,
    to_sympy,
)
from interpretable_arch.maths.groups.finite_groups import FiniteGroup

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True, eq=False)
class MatrixForm:
    """Matrices of all group elements over Q(zeta_n), and the squared norms of the basis."""

    n: int
    numerators: Shaped[np.ndarray, "order row column phi"]
    denominator: int
    norms: Int[np.ndarray, "row phi"]
    norms_denominator: int

    def unitary(self) -> Complex[Tensor, "order row column"]:
        """U(g) for every g, to rounding."""
        norms = np.sqrt(np.real(to_complex(self.norms, self.n)))
        scale = norms[:, None] / norms[None, :] / self.denominator
        return torch.from_numpy(to_complex(self.numerators, self.n) * scale)

    def exact(self, element: int) -> "sympy.ImmutableMatrix":
        """U(g) with its exact entries."""
        import sympy

        norms = [_number(norm, self.n, self.norms_denominator) for norm in self.norms]
        rows = [
            [
                _number(entry, self.n, self.denominator) * sympy.sqrt(norms[i] / norms[j])
                for j, entry in enumerate(row)
            ]
            for i, row in enumerate(self.numerators[element])
        ]
        return sympy.ImmutableMatrix(rows)


def _number(element: np.ndarray, n: int, denominator: int) -> "sympy.Expr":
    m, smaller = smallest_field(element, n)
    return to_sympy(smaller, m, denominator)


def reduced(form: MatrixForm) -> MatrixForm:
    """The same matrices over the smallest cyclotomic field and the least denominator."""
    common = math.gcd(int(np.gcd.reduce(form.numerators, axis=None)), form.denominator)
    top = (form.numerators // common).astype(np.int64)
    joined = np.concatenate([top.reshape(-1, top.shape[-1]), form.norms])
    n, smaller = smallest_field(joined, form.n)
    numerators = smaller[: -len(form.norms)].reshape(*top.shape[:-1], -1)
    under, norms = form.denominator // common, smaller[-len(form.norms) :]
    return MatrixForm(n, numerators, under, norms, form.norms_denominator)


def check_form(
    form: MatrixForm, group: FiniteGroup, eigenvalues: Int[np.ndarray, "class_ exponent"]
) -> int:
    """Assert, in integers, what makes the form the irreducible with the given character.

    M(g) M(s) = M(gs) for every g and every generator s (so for every pair), M(s)* D M(s) = D, and
    tr M(g) = chi(g).  Returns the number of products compared.
    """
    matrices, table = form.numerators, group.table.numpy()
    identity = np.zeros_like(matrices[0])
    identity[..., 0] = form.denominator * np.eye(len(identity), dtype=np.int64)
    assert np.array_equal(matrices[group.identity], identity)
    for s in group.generators:
        found = matrix_product(matrices, matrices[s], form.n)
        assert np.array_equal(
            found, form.denominator * matrices[table[:, s]].astype(found.dtype)
        ), s
        _check_unitary(form, s)
    traces = np.einsum("giip->gp", matrices)
    step = group.exponent // form.n
    embedded = traces @ powers(group.exponent)[np.arange(traces.shape[1]) * step]
    chi = (eigenvalues @ powers(group.exponent))[group.class_of.numpy()]
    assert np.array_equal(embedded, form.denominator * chi.astype(object))
    return len(matrices) * len(group.generators)


def _check_unitary(form: MatrixForm, element: int) -> None:
    matrix, n = form.numerators[element], form.n
    diagonal = np.zeros_like(matrix)
    diagonal[np.arange(len(matrix)), np.arange(len(matrix))] = form.norms
    adjoint = (matrix @ galois(n, n - 1 if n > 1 else 1)).swapaxes(0, 1)
    found = matrix_product(adjoint, matrix_product(diagonal, matrix, n), n)
    assert np.array_equal(found, form.denominator**2 * diagonal.astype(object)), element
