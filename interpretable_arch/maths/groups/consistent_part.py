"""The largest part of an operation that is a group: elements closed under it that keep its laws.

A subset H is one when a·b lies in H for all a, b of H and the table of H is a group's; its identity
is an idempotent e.  Any element g of such an H that is not in a smaller one K makes the closure of
K and g a group again, inside H.  So the search begins at {e} for every idempotent e and adds one
element at a time, and misses nothing.  The elements that may still be added bound what can be
reached: a branch that cannot beat the best so far is left.  Holes are no products: a closure that
meets one is refused.

Source: A. H. Clifford and G. B. Preston, The Algebraic Theory of Semigroups I (1961), section 1.7
(subgroups about idempotents), here without associativity.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from interpretable_arch.maths.groups.finite_groups import FiniteGroup, from_table
from interpretable_arch.maths.groups.group_law import check_group
from interpretable_arch.maths.groups.operation import checked_operation

CLOSURES = 20_000


@dataclass(frozen=True)
class ConsistentPart:
    """`elements` of the operation, ascending, and the group that they form; None with no element.

    `largest` is whether the search ended, so that no larger part exists; otherwise the budget did.
    """

    elements: tuple[int, ...]
    group: FiniteGroup | None
    largest: bool


def consistent_part(table: Int[Tensor, "order order"], closures: int = CLOSURES) -> ConsistentPart:
    """The largest subset on which the operation is a group, by exhaustive search in a budget.

    `table` may hold -1 for an unknown product.  Raises ValueError for other values outside
    0..order-1.  Of several largest parts the one found first, about the lowest idempotent.
    """
    T = checked_operation(table)
    elements, search = np.arange(len(T)), _Search(T, closures)
    if (T >= 0).all() and _is_group(T, elements):
        everything = tuple(range(len(T)))
        return ConsistentPart(everything, _group_on(T, everything), True)
    for e in np.flatnonzero(np.diag(T) == elements).tolist():
        kept = (T[e] == elements) & (T[:, e] == elements)  # e·a = a·e = a
        search.grow(frozenset([e]), frozenset(np.flatnonzero(kept).tolist()))
    inside = tuple(sorted(search.best))
    group = _group_on(T, inside) if inside else None
    return ConsistentPart(inside, group, search.left > 0)


@dataclass
class _Search:
    """The table, how many closures may still be made, and the best part so far."""

    T: np.ndarray
    left: int
    best: frozenset[int] = frozenset()
    seen: set[frozenset[int]] = field(default_factory=set)

    def grow(self, part: frozenset[int], allowed: frozenset[int]) -> None:
        """All groups between `part` and the elements `allowed`, those that cannot win left out."""
        if len(part) > len(self.best):
            self.best = part
        self.seen.add(part)
        closures = {g: self._closure(part, g, allowed) for g in sorted(allowed - part)}
        larger = {g: grown for g, grown in closures.items() if grown is not None}
        reachable = part | frozenset(larger)
        for grown in sorted(set(larger.values()), key=lambda h: (-len(h), sorted(h))):
            if len(reachable) <= len(self.best) or self.left <= 0:
                return
            if grown not in self.seen and grown <= reachable:
                self.grow(grown, reachable)

    def _closure(
        self, part: frozenset[int], g: int, allowed: frozenset[int]
    ) -> frozenset[int] | None:
        """The least closed set with `part` and g, if it is a group inside `allowed`."""
        if self.left <= 0:
            return None
        self.left -= 1
        inside = np.array(sorted({*part, g}))
        while True:
            products = np.unique(self.T[np.ix_(inside, inside)])
            if products[0] < 0:
                return None
            grown = np.union1d(inside, products)
            if not allowed.issuperset(grown.tolist()):
                return None
            if len(grown) == len(inside):
                break
            inside = grown
        return frozenset(inside.tolist()) if _is_group(self.T, inside) else None


def _group_on(T: np.ndarray, inside: tuple[int, ...]) -> FiniteGroup:
    table = _renumbered(T, np.array(inside))
    return from_table(table, "consistent part", [str(a) for a in inside])


def _is_group(T: np.ndarray, inside: np.ndarray) -> bool:
    try:
        check_group(_renumbered(T, inside), [str(a) for a in inside.tolist()], "part")
    except ValueError:
        return False
    return True


def _renumbered(T: np.ndarray, inside: np.ndarray) -> Tensor:
    """The table of a closed, ascending set on 0, 1, ..."""
    return torch.from_numpy(np.searchsorted(inside, T[np.ix_(inside, inside)]))
