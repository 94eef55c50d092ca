"""The irreducible unitary representations of a finite group, exactly.

Symmetric groups: Young's orthogonal form.  Any other: matrix coefficients of a line that a subgroup
fixes (Dixon), which is the induced, monomial form where there is one.  Every result is checked in
integers against the group's table and character before it is handed out.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import lcm
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.maths.groups.characters import character_table, is_symmetric, spell
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.matrix_coefficients import matrix_form
from interpretable_arch.maths.groups.matrix_form import MatrixForm, check_form, reduced
from interpretable_arch.maths.groups.young import (
    Partition,
    partitions,
    squared_norms,
    transposition,
)

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True, eq=False)
class Irreducible:
    """One irreducible representation; `products` counts the exact comparisons it passed."""

    group: FiniteGroup
    name: str
    dimension: int
    type: str
    origin: str
    form: MatrixForm
    products: int

    @cached_property
    def matrices(self) -> Complex[Tensor, "order dimension dimension"]:
        """The unitary matrices of all elements, complex128."""
        return self.form.unitary()

    def exact(self, element: int) -> "sympy.ImmutableMatrix":
        """The unitary matrix of one element with its exact sympy entries."""
        return self.form.exact(element)


@lru_cache(maxsize=64)
def irreducibles(group: FiniteGroup) -> tuple[Irreducible, ...]:
    """All irreducibles, in the order and with the names of `character_table`; cached by group.

    Raises ValueError where the construction does not reach a group's irreducible.
    """
    characters = character_table(group)
    young = {spell(s): s for s in partitions(_degree(group))} if is_symmetric(group) else {}
    found = []
    for index, name in enumerate(characters.names):
        eigenvalues = characters.eigenvalues[index].numpy()
        if name in young:
            form, origin = _young(group, young[name]), "Young's orthogonal form"
        else:
            form, origin = matrix_form(group, eigenvalues)
        products = check_form(form, group, eigenvalues)
        dimension, kind = characters.dimensions[index], characters.types[index]
        found.append(Irreducible(group, name, dimension, kind, origin, form, products))
    return tuple(found)


def product_error(
    matrices: Complex[Tensor, "order dimension dimension"], group: FiniteGroup
) -> Float[Tensor, ""]:
    """max over all pairs of the largest entry of |M(a) M(b) - M(ab)|."""
    worst = matrices.real.new_zeros(())
    for a in range(group.order):
        products = torch.einsum("ij,bjk->bik", matrices[a], matrices)
        worst = torch.maximum(worst, (products - matrices[group.table[a]]).abs().max())
    return worst


def _degree(group: FiniteGroup) -> int:
    assert group.permutations is not None
    return len(group.permutations[0])


def _young(group: FiniteGroup, shape: Partition) -> MatrixForm:
    """Products of transpositions, one for each element, along a spanning tree of the group."""
    steps = {_adjacent(group, i): transposition(shape, i) for i in range(_degree(group) - 1)}
    whole = {s: _whole(np.array(matrix, dtype=object)) for s, matrix in steps.items()}
    norms, norms_denominator = _whole(np.array(squared_norms(shape), dtype=object))
    matrices = {group.identity: (np.eye(len(norms), dtype=np.int64), 1)}
    frontier = [group.identity]
    while frontier:
        g = frontier.pop()
        for s, (top, under) in whole.items():
            gs = int(group.table[g, s])
            if gs not in matrices:
                product, scale = matrices[g][0] @ top, matrices[g][1] * under
                common = int(np.gcd.reduce(np.append(product.ravel(), scale)))
                matrices[gs] = (product // common, scale // common)
                frontier.append(gs)
    denominator = lcm(*(scale for _, scale in matrices.values()))
    rows = [matrices[g][0] * (denominator // matrices[g][1]) for g in range(group.order)]
    numerators = np.stack(rows)[..., None]
    return reduced(MatrixForm(1, numerators, denominator, norms[:, None], norms_denominator))


def _adjacent(group: FiniteGroup, i: int) -> int:
    """The element that exchanges i and i + 1."""
    assert group.permutations is not None
    images = list(range(_degree(group)))
    images[i], images[i + 1] = images[i + 1], images[i]
    return group.permutations.index(tuple(images))


def _whole(fractions: np.ndarray) -> tuple[np.ndarray, int]:
    under = lcm(*(Fraction(x).denominator for x in fractions.ravel()))
    return (fractions * under).astype(np.int64), under
