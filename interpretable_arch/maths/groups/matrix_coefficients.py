"""Exact irreducible matrices from the character, by matrix coefficients (Dixon).

Let a linear character lambda of a subgroup H occur once in the irreducible chi restricted to H,
with unit vector v.  Then <v, rho(x) v> = alpha(x) = (1/|H|) sum over h of conj lambda(h) chi(x h),
a number that the character gives exactly.  Vectors rho(x_i) v, i = 1..chi(1), that form a basis
have Gram matrix alpha(x_i^-1 x_j), and rho(g) has the entries alpha(x_i^-1 g x_j) between them.
An orthonormal choice of the x_i is looked for first (monomial representations have one, by
Frobenius reciprocity); otherwise Gram-Schmidt in the cyclotomic field makes them orthogonal.

Source: J. D. Dixon, Constructing representations of finite groups, DIMACS Ser. 11 (1993) 105-112.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from interpretable_arch.maths.groups.cyclotomic import (
    degree,
    galois,
    matrix_product,
    multiplication,
    powers,
    smallest_field,
    to_complex,
)
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.matrix_form import MatrixForm, reduced
from interpretable_arch.maths.groups.subgroups import Subgroup, linear_characters, subgroup_layers

SEARCHED_FRAMES = 5000


@dataclass(frozen=True, eq=False)
class _Coefficient:
    """alpha as integers over |H| in Q(zeta_n), and the x_i chosen for it."""

    n: int
    alpha: np.ndarray  # [order, phi]
    subgroup: Subgroup
    frame: tuple[int, ...]
    orthonormal: bool

    def rank(self, group: FiniteGroup) -> tuple[int, ...]:
        """Smaller is easier to read: no roots, few entries, real, a small field, a large H."""
        real = np.array_equal(self.alpha @ galois(self.n, max(self.n - 1, 1)), self.alpha)
        entries = int(_matrices(group, self).any(axis=-1).sum()) if self.orthonormal else 0
        small = (degree(self.n), -len(self.subgroup.elements))
        return (not self.orthonormal, entries, not real, *small)


def matrix_form(group: FiniteGroup, eigenvalues: np.ndarray) -> tuple[MatrixForm, str]:
    """The irreducible with character sum_k eigenvalues[C, k] zeta^k, and a line on its origin.

    Raises ValueError where no linear character of any subgroup occurs exactly once.
    """
    found: list[_Coefficient] = []
    for layer in subgroup_layers(group):
        found += [c for subgroup in layer for c in _coefficients(group, eigenvalues, subgroup)]
        if any(coefficient.orthonormal for coefficient in found):
            break
    if not found:
        raise ValueError(
            f"group {group.name}: wanted a subgroup with a linear character that occurs once in "
            f"the irreducible of dimension {int(eigenvalues[0].sum())}, got none"
        )
    best = min(found, key=lambda coefficient: coefficient.rank(group))
    return reduced(_form(group, best)), _origin(best)


def _origin(best: _Coefficient) -> str:
    if len(best.frame) == 1:
        return "the linear character itself"
    kind = "orthonormal orbit" if best.orthonormal else "Gram-Schmidt on an orbit"
    return f"{kind} of a line fixed by a subgroup of order {len(best.subgroup.elements)}"


def _coefficients(
    group: FiniteGroup, eigenvalues: np.ndarray, subgroup: Subgroup
) -> list[_Coefficient]:
    """One candidate for each linear character of H that occurs once."""
    elements, exponent = list(subgroup.elements), group.exponent
    spectra = eigenvalues[group.class_of.numpy()]
    roots = np.exp(2j * np.pi * np.arange(exponent) / exponent)
    chi = (spectra[elements] @ roots)[None, :]
    phases = linear_characters(group, subgroup)
    times = (chi * roots[-phases % exponent]).sum(axis=1).real / len(elements)
    products = group.table.numpy()[:, elements]
    found = []
    for phase in phases[np.rint(times) == 1]:
        shifts = (np.arange(exponent)[None, :] + phase[:, None]) % exponent  # m_k zeta^(k - phase)
        raw = np.take_along_axis(spectra[products], shifts[None], axis=2).sum(axis=1)
        n, alpha = smallest_field(raw @ powers(exponent), exponent)
        frame, orthonormal = _frame(group, alpha, n, int(eigenvalues[0].sum()))
        found.append(_Coefficient(n, alpha, subgroup, frame, orthonormal))
    return found


def _frame(
    group: FiniteGroup, alpha: np.ndarray, n: int, dimension: int
) -> tuple[tuple[int, ...], bool]:
    """Elements x_i whose vectors are orthonormal if the search finds such, else a basis."""
    quotients = group.table.numpy()[group.inverse.numpy()]  # [x, y] = x^-1 y
    orthogonal = (alpha == 0).all(axis=1)[quotients]
    budget = SEARCHED_FRAMES
    stack = [((group.identity,), orthogonal[group.identity])]
    while stack and budget:
        chosen, allowed = stack.pop()
        budget -= 1
        if len(chosen) == dimension:
            return chosen, True
        later = [y for y in np.flatnonzero(allowed).tolist() if y > chosen[-1] or len(chosen) == 1]
        stack += [((*chosen, y), allowed & orthogonal[y]) for y in reversed(later)]
    gram = to_complex(alpha, n)[quotients]
    gram = gram / gram[group.identity, group.identity]
    return _spread_out(gram, group.identity, dimension), False


def _spread_out(gram: np.ndarray, start: int, dimension: int) -> tuple[int, ...]:
    """Greedy: each next vector is the one farthest from the span of those before."""
    chosen: list[int] = []
    for _ in range(dimension):
        left = np.round(np.real(gram.diagonal()), 9)
        pick = start if not chosen else int(left.argmax())
        chosen.append(pick)
        gram = gram - np.outer(gram[:, pick], gram[pick]) / gram[pick, pick]
    return tuple(chosen)


def _matrices(group: FiniteGroup, best: _Coefficient) -> np.ndarray:
    """|H| alpha(x_i^-1 g x_j) as [g, i, j, phi]."""
    table, frame = group.table.numpy(), list(best.frame)
    left = table[group.inverse.numpy()[frame]]  # [i, g]
    return best.alpha[table[left.T[:, :, None], np.array(frame)[None, None, :]]]


def _form(group: FiniteGroup, best: _Coefficient) -> MatrixForm:
    matrices, size = _matrices(group, best), len(best.subgroup.elements)
    one = np.zeros_like(best.alpha[0])
    one[0] = 1
    if best.orthonormal:
        return MatrixForm(best.n, matrices, size, np.tile(one, (len(best.frame), 1)), 1)
    change, norms = _orthogonalise(matrices[group.identity], size, best.n)
    inverse_norms = np.array([_inverse(norm, best.n) for norm in norms])
    scaling = np.full_like(change, Fraction(0))
    scaling[np.arange(len(norms)), np.arange(len(norms))] = inverse_norms
    change_top, change_under = _whole(change)
    scaling_top, scaling_under = _whole(scaling)
    adjoint = (change_top @ galois(best.n, max(best.n - 1, 1))).swapaxes(0, 1)
    left = matrix_product(scaling_top, adjoint, best.n)
    inner = matrix_product(matrices, change_top, best.n)
    turned = matrix_product(inner.transpose(0, 2, 1, 3), left.transpose(1, 0, 2), best.n)
    under = size * change_under**2 * scaling_under
    return MatrixForm(best.n, turned.transpose(0, 2, 1, 3), under, *_whole(norms))


def _orthogonalise(gram: np.ndarray, size: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns c_j with c_i* G c_j = 0 and c_jj = 1, and the squared norms c_j* G c_j, exact."""
    d, phi = len(gram), gram.shape[-1]
    G = np.vectorize(lambda x: Fraction(int(x), size), otypes=[object])(gram)
    conjugation = galois(n, max(n - 1, 1))
    change = np.full((d, d, phi), Fraction(0), dtype=object)
    norms = np.full((d, phi), Fraction(0), dtype=object)
    for j in range(d):
        change[j, j, 0] = Fraction(1)
        for k in range(j):
            inner = _inner(change[: k + 1, k] @ conjugation, G[: k + 1, j], n)
            share = _times(inner, _inverse(norms[k], n), n)
            for i in range(k + 1):
                change[i, j] = change[i, j] - _times(change[i, k], share, n)
        norms[j] = _inner(change[: j + 1, j] @ conjugation, G[: j + 1, j], n)
    return change, norms


def _times(x: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    return np.einsum("ab,abc->c", np.multiply.outer(x, y), multiplication(n).astype(object))


def _inner(xs: np.ndarray, ys: np.ndarray, n: int) -> np.ndarray:
    products = [_times(x, y, n) for x, y in zip(xs, ys, strict=True)]
    return np.stack(products).sum(axis=0)


def _inverse(x: np.ndarray, n: int) -> np.ndarray:
    """1/x = (product of the other conjugates) / norm."""
    units = [k for k in range(2, n) if np.gcd(k, n) == 1]
    others = np.array([Fraction(int(i == 0)) for i in range(len(x))], dtype=object)
    for k in units:
        others = _times(others, x @ galois(n, k), n)
    return others / _times(others, x, n)[0]


def _whole(fractions: np.ndarray) -> tuple[np.ndarray, int]:
    """Integer numerators over one denominator."""
    under = int(np.lcm.reduce([Fraction(x).denominator for x in fractions.ravel()]))
    return (fractions * under).astype(np.int64), under
