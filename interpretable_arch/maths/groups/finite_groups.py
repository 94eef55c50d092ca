"""Finite groups as multiplication tables: table[a, b] = a·b on the elements 0..order-1.

Named families (S4, A5, Z12, D5, Q8, Dic3, F21 and products such as S3xZ2), any Cayley table, or
the group that permutations generate.  Permutations are tuples of images and compose from the
right: (a·b)(x) = a(b(x)).  D_n is the dihedral group of order 2n, Dic_n the dicyclic of order 4n.
"""

import difflib
import itertools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from interpretable_arch.maths.groups.group_law import check_group, generating_set
from interpretable_arch.maths.groups.permutations import (
    Permutation,
    close,
    cycle_notation,
    is_even,
    multiplication_table,
)

LARGEST_ORDER = 1000


@dataclass(frozen=True, eq=False)
class FiniteGroup:
    """A finite group; building one checks that the table is a group's, or raises ValueError.

    `table` is an integer tensor [order, order] with table[a, b] = a·b; any other is refused.

    `permutations` says what each element does to 0..degree-1 where the group was built from
    permutations.  Two groups are equal when name, labels and table are.
    """

    name: str
    table: Shaped[Tensor, "*order"]
    labels: tuple[str, ...]
    permutations: tuple[Permutation, ...] | None = None

    def __post_init__(self) -> None:
        _check_shape(self.table, self.labels, self.name)
        object.__setattr__(self, "table", self.table.detach().to("cpu", torch.long).contiguous())
        object.__setattr__(self, "_identity", check_group(self.table, self.labels, self.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FiniteGroup) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"FiniteGroup({self.name!r}, order={self.order})"

    @cached_property
    def _key(self) -> tuple[str, tuple[str, ...], bytes]:
        return self.name, self.labels, self.table.numpy().tobytes()

    @property
    def order(self) -> int:
        return len(self.table)

    @property
    def identity(self) -> int:
        return self.__dict__["_identity"]

    @cached_property
    def inverse(self) -> Int[Tensor, "order"]:
        """inverse[a]·a = identity."""
        return (self.table == self.identity).long().argmax(dim=1)

    @cached_property
    def element_orders(self) -> Int[Tensor, "order"]:
        """The least k >= 1 with a^k = identity, for each a."""
        orders = torch.zeros(self.order, dtype=torch.long)
        power, elements, exponent = torch.arange(self.order), torch.arange(self.order), 1
        while bool((orders == 0).any()):
            orders = torch.where((power == self.identity) & (orders == 0), exponent, orders)
            power, exponent = self.table[power, elements], exponent + 1
        return orders

    @property
    def exponent(self) -> int:
        """The least k >= 1 with a^k = identity for all a."""
        return int(np.lcm.reduce(self.element_orders.numpy()))

    @cached_property
    def generators(self) -> tuple[int, ...]:
        """A short generating set (greedy from the lowest index, so not always the shortest)."""
        return generating_set(self.table, self.identity)

    @cached_property
    def classes(self) -> tuple[tuple[int, ...], ...]:
        """Conjugacy classes, identity first, then by element order, size and lowest element."""
        elements = torch.arange(self.order)
        conjugates = self.table[self.table, self.inverse[:, None]]  # [x, g] = x·g·x^-1
        found = {tuple(torch.unique(conjugates[:, g]).tolist()) for g in elements.tolist()}
        orders = self.element_orders.tolist()
        return tuple(sorted(found, key=lambda c: (orders[c[0]], len(c), c[0])))

    @cached_property
    def class_of(self) -> Int[Tensor, "order"]:
        """The index in `classes` of each element's class."""
        owner = torch.empty(self.order, dtype=torch.long)
        for index, members in enumerate(self.classes):
            owner[list(members)] = index
        return owner

    @property
    def is_abelian(self) -> bool:
        return bool((self.table == self.table.T).all())


def _check_shape(table: Tensor, labels: tuple[str, ...], name: str) -> None:
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not len(table):
        raise ValueError(
            f"table of {name}: wanted a square [order, order], got {list(table.shape)}"
        )
    if table.is_floating_point() or table.is_complex() or table.dtype == torch.bool:
        raise ValueError(f"table of {name}: wanted integers, got {table.dtype}")
    if len(labels) != len(table) or len(set(labels)) != len(labels):
        raise ValueError(
            f"labels of {name}: wanted {len(table)} different ones, "
            f"got {len(labels)}, {len(set(labels))} different"
        )


def from_table(
    table: Sequence[Sequence[Any]] | Shaped[Tensor, "*shape"],
    name: str = "table",
    labels: Sequence[str] | None = None,
) -> FiniteGroup:
    """The group of a Cayley table (list of rows or tensor); ValueError names what breaks a law."""
    if not isinstance(table, Tensor):
        rows = [list(row) for row in table]
        ragged = [i for i, row in enumerate(rows) if len(row) != len(rows)]
        if ragged:
            got = f"row {ragged[0]} has {len(rows[ragged[0]])}"
            raise ValueError(f"table of {name}: wanted {len(rows)} entries in each row, {got}")
        wrong = [x for row in rows for x in row if isinstance(x, bool) or not isinstance(x, int)]
        if wrong:
            raise ValueError(f"table of {name}: wanted integers, got {wrong[0]!r}")
        table = torch.tensor(rows, dtype=torch.long)
    labels = [str(i) for i in range(len(table))] if labels is None else labels
    return FiniteGroup(name, table, tuple(labels))


def from_generators(generators: Sequence[Sequence[int]], name: str = "generated") -> FiniteGroup:
    """The group that permutations generate, each given as the tuple of images of 0..degree-1.

    Elements are sorted by their images, so the identity is element 0.  Raises ValueError for a
    tuple that is no permutation, or more than LARGEST_ORDER elements.
    """
    return _from_permutations(close(generators, LARGEST_ORDER, name), name)


def _from_permutations(elements: Sequence[Permutation], name: str) -> FiniteGroup:
    labels = tuple(cycle_notation(element) for element in elements)
    return FiniteGroup(name, multiplication_table(elements), labels, tuple(elements))


def _wanted(n: int, least: int, family: str) -> None:
    if n < least:
        raise ValueError(f"{family}(n): wanted n >= {least}, got {n}")


def _few(order: int, name: str) -> None:
    if order > LARGEST_ORDER:
        raise ValueError(f"{name}: wanted at most {LARGEST_ORDER} elements, got {order}")


def symmetric(n: int) -> FiniteGroup:
    """S_n, all permutations of n things."""
    _wanted(n, 1, "symmetric")
    _few(math.factorial(n), f"S{n}")
    return _from_permutations(list(itertools.permutations(range(n))), f"S{n}")


def alternating(n: int) -> FiniteGroup:
    """A_n, the even permutations of n things."""
    _wanted(n, 1, "alternating")
    _few(math.factorial(n) // 2, f"A{n}")
    return _from_permutations(list(filter(is_even, itertools.permutations(range(n)))), f"A{n}")


def cyclic(n: int) -> FiniteGroup:
    """Z_n, addition modulo n."""
    _wanted(n, 1, "cyclic")
    return _from_law(n, lambda a, b: (a + b) % n, [str(k) for k in range(n)], f"Z{n}")


def dihedral(n: int) -> FiniteGroup:
    """D_n of order 2n: element k + n·f is r^k s^f, with s r = r^-1 s."""
    _wanted(n, 1, "dihedral")

    def law(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        turn = np.where(a < n, b % n, -(b % n))
        return (a % n + turn) % n + n * ((a // n + b // n) % 2)

    turns = [_power("r", k) for k in range(n)]
    return _from_law(2 * n, law, _words(turns, "s"), f"D{n}")


def dicyclic(n: int) -> FiniteGroup:
    """Dic_n of order 4n: element k + 2n·f is r^k x^f, with x^2 = r^n and x r = r^-1 x."""
    _wanted(n, 1, "dicyclic")
    m = 2 * n

    def law(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        turn = np.where(a < m, b % m, -(b % m)) + n * (a // m) * (b // m)
        return (a % m + turn) % m + m * ((a // m + b // m) % 2)

    turns = [_power("r", k) for k in range(m)]
    return _from_law(4 * n, law, _words(turns, "x"), f"Dic{n}")


def quaternion() -> FiniteGroup:
    """Q8 = {1, i, -1, -i, j, k, -j, -k}, which is Dic_2."""
    return FiniteGroup("Q8", dicyclic(2).table, ("1", "i", "-1", "-i", "j", "k", "-j", "-k"))


def frobenius21() -> FiniteGroup:
    """F21 = Z7 : Z3: element k + 7·f is x^k y^f, with y x = x^2 y."""

    def law(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a % 7 + 2 ** (a // 7) * (b % 7)) % 7 + 7 * ((a // 7 + b // 7) % 3)

    labels = [(_power("x", k) + _power("y", f)) or "e" for f in range(3) for k in range(7)]
    return _from_law(21, law, labels, "F21")


def product(first: FiniteGroup, *others: FiniteGroup) -> FiniteGroup:
    """The direct product; element (a, b) has index a·|second| + b."""
    for second in others:
        name = f"{first.name}x{second.name}"
        _few(first.order * second.order, name)
        table = (
            first.table[:, None, :, None] * second.order + second.table[None, :, None, :]
        ).reshape(first.order * second.order, -1)
        labels = tuple(f"{a}, {b}" for a in first.labels for b in second.labels)
        first = FiniteGroup(name, table, labels)
    return first


def _power(letter: str, k: int) -> str:
    return "" if k == 0 else letter if k == 1 else f"{letter}^{k}"


def _words(turns: Sequence[str], flip: str) -> list[str]:
    return [turn or "e" for turn in turns] + [turn + flip for turn in turns]


def _from_law(
    order: int,
    law: Callable[[np.ndarray, np.ndarray], np.ndarray],
    labels: Sequence[str],
    name: str,
) -> FiniteGroup:
    _few(order, name)
    elements = np.arange(order)
    table = torch.from_numpy(law(elements[:, None], elements[None, :]))
    return FiniteGroup(name, table, tuple(labels))


FAMILIES = {"S": symmetric, "A": alternating, "Z": cyclic, "D": dihedral, "Dic": dicyclic}
SINGLE = {"Q8": quaternion, "F21": frobenius21}


def parse(name: str) -> FiniteGroup:
    """The group of a name: S4, A5, Z12, D5 (order 10), Dic3 (order 12), Q8, F21, or S3xZ2.

    Raises ValueError naming the nearest names where a part is unknown.
    """
    parts = [_parse_part(part.strip(), name) for part in re.split(r"[x×]", name)]
    return product(parts[0], *parts[1:])


def _parse_part(part: str, name: str) -> FiniteGroup:
    if part in SINGLE:
        return SINGLE[part]()
    match = re.fullmatch(r"([A-Za-z]+)(\d+)", part)
    if match and match[1] in FAMILIES and int(match[2]) > 0:
        return FAMILIES[match[1]](int(match[2]))
    digits = re.sub(r"\D", "", part).lstrip("0") or "4"
    known = [*SINGLE, *(family + digits for family in FAMILIES)]
    near = difflib.get_close_matches(part.capitalize(), known, n=3, cutoff=0.3) or known
    raise ValueError(
        f"group {name!r}: wanted S<n>, A<n>, Z<n>, D<n>, Dic<n>, Q8, F21 or a product such as "
        f"S3xZ2, got {part!r}; nearest: {', '.join(near)}"
    )
