"""The exact character table of a finite group.

Each value is held as integers: how often each root of unity is an eigenvalue, so that orthogonality
(1/|G|) sum over g of chi(g) conj psi(g) = [chi = psi] is checked without rounding.  The
Frobenius-Schur indicator (1/|G|) sum over g of chi(g^2) is +1 for a real irreducible, 0 for a
complex one, -1 for a quaternionic one.

Sources: J. D. Dixon, Numer. Math. 10 (1967) 446; J.-P. Serre, Linear Representations of Finite
Groups (1977), sections 2 and 13.2.
"""

import string
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Complex, Int
from torch import Tensor

from interpretable_arch.maths.groups.class_algebra import eigenvalue_multiplicities
from interpretable_arch.maths.groups.cyclotomic import (
    powers,
    smallest_field,
    to_sympy,
    whole_product,
)
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.permutations import cycle_type
from interpretable_arch.maths.groups.young import Partition, character, partitions

if TYPE_CHECKING:
    import sympy

TYPES = {1: "real", 0: "complex", -1: "quaternionic"}


@dataclass(frozen=True, eq=False)
class CharacterTable:
    """The irreducible characters of `group` on its classes.

    Names: "(3, 1)" and so on (a partition) for a symmetric group, else dimension and letter ("2a").
    Irreducibles come by dimension, then by values on the classes, the trivial one first.
    `eigenvalues[rho, C, k]` counts the eigenvalue exp(2 pi i k / exponent) of rho(g), g in C.
    """

    group: FiniteGroup
    names: tuple[str, ...]
    eigenvalues: Int[Tensor, "irreducible class_ exponent"]
    indicators: tuple[int, ...]

    @cached_property
    def dimensions(self) -> tuple[int, ...]:
        return tuple(self.eigenvalues[:, 0].sum(dim=1).tolist())

    @property
    def types(self) -> tuple[str, ...]:
        """ "real", "complex" or "quaternionic", from the Frobenius-Schur indicator."""
        return tuple(TYPES[indicator] for indicator in self.indicators)

    @cached_property
    def values(self) -> Complex[Tensor, "irreducible class_"]:
        """The table in complex128."""
        return torch.from_numpy(_numeric(self.eigenvalues.numpy()))

    @cached_property
    def on_elements(self) -> Complex[Tensor, "irreducible order"]:
        """chi(g) for every element g, in complex128."""
        return self.values[:, self.group.class_of]

    def index(self, name: str) -> int:
        """The row of an irreducible; raises ValueError naming those there are."""
        if name not in self.names:
            raise ValueError(f"name: wanted one of {', '.join(self.names)}, got {name!r}")
        return self.names.index(name)

    def exact(self, name: str) -> tuple["sympy.Expr", ...]:
        """The exact values of one character on the classes, in sympy."""
        n = self.group.exponent
        rows = self.eigenvalues[self.index(name)].numpy() @ powers(n)
        fields = [smallest_field(value, n) for value in rows]
        return tuple(to_sympy(value, m) for m, value in fields)


@lru_cache(maxsize=64)
def character_table(group: FiniteGroup) -> CharacterTable:
    """The exact character table, checked for orthogonality in integers; cached by group."""
    eigenvalues = eigenvalue_multiplicities(group)
    eigenvalues = eigenvalues[_ranking(eigenvalues)]
    _check_orthogonality(group, eigenvalues)
    names = _names(group, eigenvalues)
    indicators = _indicators(group, eigenvalues)
    return CharacterTable(group, names, torch.from_numpy(eigenvalues), indicators)


def _numeric(eigenvalues: np.ndarray) -> np.ndarray:
    n = eigenvalues.shape[-1]
    return eigenvalues.astype(complex) @ np.exp(2j * np.pi * np.arange(n) / n)


def _ranking(eigenvalues: np.ndarray) -> list[int]:
    values = np.round(_numeric(eigenvalues), 9) + 0.0
    key = [(row[0].real, *((-x.real, -x.imag) for x in row)) for row in values]
    return sorted(range(len(key)), key=key.__getitem__)


def _check_orthogonality(group: FiniteGroup, eigenvalues: np.ndarray) -> None:
    """Sum over C of |C| chi conj psi = |G| [chi = psi], exactly.

    The products are taken in Z[x]/(x^e - 1) by a Fourier transform; their coefficients are whole
    numbers far below the transform's precision, so rounding restores them before reduction.
    """
    n, sizes = group.exponent, np.array([len(members) for members in group.classes])
    spectrum = np.ascontiguousarray(np.fft.rfft(eigenvalues, axis=-1).transpose(2, 0, 1))
    products = (spectrum * sizes) @ spectrum.conj().transpose(0, 2, 1)
    raw = np.fft.irfft(products.transpose(1, 2, 0), n=n, axis=-1)
    rounded = np.rint(raw).astype(np.int64)
    assert np.abs(raw - rounded).max() < 0.1, np.abs(raw - rounded).max()
    wanted = np.zeros((len(sizes), len(sizes), powers(n).shape[1]), dtype=np.int64)
    wanted[..., 0] = group.order * np.eye(len(sizes), dtype=np.int64)
    assert np.array_equal(whole_product(rounded, powers(n)), wanted), f"characters of {group.name}"


def _indicators(group: FiniteGroup, eigenvalues: np.ndarray) -> tuple[int, ...]:
    squares = group.class_of[group.table.diagonal()].numpy()
    sums = eigenvalues[:, squares].sum(axis=1) @ powers(group.exponent)
    assert not sums[:, 1:].any(), sums
    assert not (sums[:, 0] % group.order).any(), sums
    return tuple((sums[:, 0] // group.order).tolist())


def _names(group: FiniteGroup, eigenvalues: np.ndarray) -> tuple[str, ...]:
    shapes = _partitions(group, eigenvalues)
    if shapes is not None:
        return tuple(spell(shape) for shape in shapes)
    dimensions = eigenvalues[:, 0].sum(axis=1).tolist()
    counts: dict[int, int] = {}
    names = []
    for dimension in dimensions:
        counts[dimension] = counts.get(dimension, 0) + 1
        names.append(f"{dimension}{_letters(counts[dimension])}")
    return tuple(names)


def _letters(count: int) -> str:
    """1 -> a, 26 -> z, 27 -> aa, as spreadsheets name columns."""
    text = ""
    while count:
        count, rest = divmod(count - 1, 26)
        text = string.ascii_lowercase[rest] + text
    return text


def spell(shape: Partition) -> str:
    """A partition as a name: "(3,1)"."""
    return f"({','.join(map(str, shape))})"


def is_symmetric(group: FiniteGroup) -> bool:
    """Whether the group holds all permutations of at least two things, and knows them."""
    permutations = group.permutations
    degree = len(permutations[0]) if permutations else 0
    return degree > 1 and group.order == int(np.prod(range(1, degree + 1)))


def _partitions(group: FiniteGroup, eigenvalues: np.ndarray) -> list[Partition] | None:
    """The partition of each row, for a symmetric group."""
    if not is_symmetric(group):
        return None
    assert group.permutations is not None
    types = [cycle_type(group.permutations[members[0]]) for members in group.classes]
    by_values = {tuple(character(s, t) for t in types): s for s in partitions(sum(types[0]))}
    rows = np.rint(np.real(_numeric(eigenvalues))).astype(int)
    return [by_values[tuple(row.tolist())] for row in rows]
