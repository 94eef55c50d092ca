"""A binary operation that may be no group, and may have holes: which laws it breaks, and where.

T[a, b] = a·b on 0..n-1, with -1 where the product is not known.  A triple is judged when both
(a·b)·c and a·(b·c) are known; the defect is the share of judged triples where they differ.  A row
or column that holds one value twice breaks the cancellation law of a Latin square.

Source: A. H. Clifford and G. B. Preston, The Algebraic Theory of Semigroups I (1961), section 1.1.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

HOLE = -1


@dataclass(frozen=True)
class OperationDefect:
    """Which group laws a table breaks; `triple` is the first (a, b, c) that is not associative.

    `identities` are the left and the right ones, an element of both being the identity.  With
    holes a law counts as broken only where known products break it, and an element is an identity
    unless a known product says that it is none.
    """

    order: int
    holes: int
    judged: int
    not_associative: int
    triple: tuple[int, int, int] | None
    left_identities: tuple[int, ...]
    right_identities: tuple[int, ...]
    repeating_rows: tuple[int, ...]
    repeating_columns: tuple[int, ...]

    @property
    def share(self) -> float:
        """The share of judged triples that are not associative; 0 where none can be judged."""
        return self.not_associative / self.judged if self.judged else 0.0

    @property
    def identity(self) -> int | None:
        both = sorted(set(self.left_identities) & set(self.right_identities))
        return both[0] if both else None

    @property
    def broken(self) -> int:
        """Triples, rows and columns that break a law, and 1 for a missing identity."""
        lines = len(self.repeating_rows) + len(self.repeating_columns)
        return self.not_associative + lines + (self.identity is None)

    @property
    def is_group(self) -> bool:
        return not self.holes and not self.broken

    def sentences(self) -> tuple[str, ...]:
        """What is broken, in words; empty for a group and for a part of one, as far as is seen."""
        found = []
        if self.triple is not None:
            many = f"{self.not_associative} of {self.judged} triples are not associative"
            found.append(f"{many}, first {self.triple}")
        if self.identity is None:
            left, right = _spell(self.left_identities), _spell(self.right_identities)
            found.append(f"no identity: left ones {left}, right ones {right}")
        if self.repeating_rows or self.repeating_columns:
            rows, columns = _spell(self.repeating_rows), _spell(self.repeating_columns)
            found.append(f"no Latin square: values repeat in rows {rows}, in columns {columns}")
        return tuple(found)


def operation_defect(table: Shaped[Tensor, "*shape"]) -> OperationDefect:
    """Judge every triple, every row and column, and every element as an identity.

    `table` may hold -1 for an unknown product.  Raises ValueError for other values outside
    0..order-1 and for numbers that are not whole.  Memory is that of order^2 numbers, time order^3.
    """
    T = checked_operation(table)
    order = len(T)
    known = T >= 0
    judged, wrong, triple = _associativity(T)
    elements = np.arange(order)
    left = [e for e in elements if (~known[e] | (T[e] == elements)).all()]
    right = [e for e in elements if (~known[:, e] | (T[:, e] == elements)).all()]
    return OperationDefect(
        order=order,
        holes=int((~known).sum()),
        judged=judged,
        not_associative=wrong,
        triple=triple,
        left_identities=tuple(map(int, left)),
        right_identities=tuple(map(int, right)),
        repeating_rows=_repeating(T),
        repeating_columns=_repeating(T.T),
    )


def checked_operation(table: Shaped[Tensor, "*shape"]) -> Int[np.ndarray, "order order"]:
    """The table as numbers, or ValueError naming the entry that is neither a product nor a hole."""
    T = whole_numbers(table, "table")
    if T.ndim != 2 or T.shape[0] != T.shape[1] or not len(T):
        raise ValueError(f"table: wanted a square [order, order], got {list(T.shape)}")
    outside = np.argwhere((T < HOLE) | (len(T) <= T))
    if len(outside):
        a, b = outside[0].tolist()
        raise ValueError(f"table: wanted products in 0..{len(T) - 1}, got {a}·{b} = {T[a, b]}")
    return T


def whole_numbers(values: Shaped[Tensor, "*shape"], name: str) -> Int[np.ndarray, "*shape"]:
    """The values as int64, or ValueError naming one that is not a whole number."""
    found = values.detach().cpu().numpy()
    if not np.issubdtype(found.dtype, np.integer):
        broken = ~np.isfinite(found) | (found != np.floor(found))
        if found.dtype == np.bool_ or broken.any():
            got = found.flatten()[0] if found.dtype == np.bool_ else found[broken][0]
            raise ValueError(f"{name}: wanted whole numbers, got {got}")
    return found.astype(np.int64)


def table_of(
    products: Int[Tensor, "product 3"], order: int
) -> tuple[Int[Tensor, "order order"], Bool[Tensor, "product"]]:
    """The table of a list of products (a, b, c), the first word on a pair kept, -1 elsewhere.

    Also which of the list's rows contradict an earlier one.  Raises ValueError for an element
    outside 0..order-1.
    """
    outside = products[((products < 0) | (products >= order)).any(dim=1)]
    if len(outside):
        wanted = f"elements of 0..{order - 1}"
        raise ValueError(f"products: wanted {wanted}, got {tuple(outside[0].tolist())}")
    table = torch.full((order, order), HOLE, dtype=torch.long)
    against = torch.zeros(len(products), dtype=torch.bool)
    for i, (a, b, c) in enumerate(products.tolist()):
        if table[a, b] == HOLE:
            table[a, b] = c
        against[i] = bool(table[a, b] != c)
    return table, against


def _associativity(T: np.ndarray) -> tuple[int, int, tuple[int, int, int] | None]:
    judged, wrong, first = 0, 0, None
    padded = np.full((len(T) + 1, len(T) + 1), HOLE)  # a hole's row and column are holes
    padded[:-1, :-1] = T
    for a in range(len(T)):
        left = padded[T[a]][:, :-1]  # [b, c] = (a·b)·c
        right = padded[a][T]  # [b, c] = a·(b·c)
        both = (left >= 0) & (right >= 0)
        different = both & (left != right)
        judged, wrong = judged + int(both.sum()), wrong + int(different.sum())
        if first is None and different.any():
            b, c = np.argwhere(different)[0].tolist()
            first = (a, b, c)
    return judged, wrong, first


def _repeating(T: np.ndarray) -> tuple[int, ...]:
    """The rows that hold a value twice."""
    counted = [np.bincount(row[row >= 0], minlength=1) for row in T]
    return tuple(i for i, count in enumerate(counted) if count.max() > 1)


def _spell(elements: tuple[int, ...], most: int = 12) -> str:
    shown = ", ".join(map(str, elements[:most]))
    return (shown or "none") + (" and more" if len(elements) > most else "")
