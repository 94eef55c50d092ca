"""The group that products present: letters as generators, each shown product a relation a·b = c.

Any group law on the letters that agrees with the products is a quotient of this group P.  So when
|P| is the number of letters the products fix the whole table.  |P| is found by enumerating cosets
of the trivial subgroup: places with one arrow a letter, where every relation is a triangle that
closes from every place.  Triangles with two known sides give the third; two arrows of a letter out
of one place, or into one, make their other ends one place.

Sources: J. A. Todd, H. S. M. Coxeter, Proc. Edinburgh Math. Soc. 5 (1936) 26; D. F. Holt, B. Eick,
E. A. O'Brien, Handbook of Computational Group Theory (2005), chapter 5.
"""

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from interpretable_arch.maths.groups.operation import whole_numbers

ROOM = 8  # places allowed, in letters, where only |P| = number of letters is asked


def presented_order(
    products: Shaped[Tensor, "*product_three"], letters: int, limit: int | None = None
) -> int | None:
    """|P|, exact; None where P is infinite or more than `limit` places were open at once.

    Rows of `products` are (a, b, c) for a·b = c.  `limit` defaults to 8 places a letter and 64;
    None says nothing about |P| except that it was not found.  Raises ValueError for another shape
    than [products, 3], for a number that is not whole, and for a letter outside 0..letters-1.
    """
    found = coset_table(products, letters, limit)
    return None if found is None else len(found)


def determined_table(
    products: Shaped[Tensor, "*product_three"], letters: int, limit: int | None = None
) -> Int[Tensor, "letters letters"] | None:
    """The one group table on the letters that agrees with the products.

    None where |P| is not the number of letters, was not found, or two letters are one element of
    P: then no group on these letters agrees.
    """
    cosets = coset_table(products, letters, limit)
    if cosets is None or len(cosets) != letters:
        return None
    place = cosets[0]  # the element of each letter, as the place it leads to from the first
    letter = np.full(letters, -1)
    letter[place] = np.arange(letters)
    if (letter < 0).any():
        return None
    return torch.from_numpy(letter[cosets[place]])


def coset_table(
    products: Shaped[Tensor, "*product_three"], letters: int, limit: int | None = None
) -> Int[np.ndarray, "coset letters"] | None:
    """[place, a]: the place that letter a leads to; as many places as P has elements, or None."""
    relations = _checked(products, letters)
    most = ROOM * letters + 64 if limit is None else limit
    if len(relations) < letters or _rank(relations, letters) < letters:
        return None  # P has an infinite abelian quotient
    table = np.full((1, letters), -1)
    while True:
        table = _saturate(table, relations)
        open_rows = np.flatnonzero((table < 0).any(axis=1))
        if not len(open_rows):
            return table
        if len(table) > most:
            return None
        table = _define(table, int(open_rows[0]))


def _checked(products: Tensor, letters: int) -> np.ndarray:
    if products.ndim != 2 or products.shape[1] != 3:
        raise ValueError(f"products: wanted [products, 3], got {list(products.shape)}")
    relations = np.unique(whole_numbers(products, "products"), axis=0)
    outside = relations[((relations < 0) | (relations >= letters)).any(axis=1)]
    if len(outside):
        wanted = f"letters in 0..{letters - 1}"
        raise ValueError(f"products: wanted {wanted}, got {tuple(outside[0].tolist())}")
    return relations


def _rank(relations: np.ndarray, letters: int) -> int:
    """The rank of the relations in the free abelian group, from their Gram matrix."""
    matrix = np.zeros((len(relations), letters))
    rows = np.arange(len(relations))
    for column, sign in ((0, 1), (1, 1), (2, -1)):
        np.add.at(matrix, (rows, relations[:, column]), sign)
    return int(np.linalg.matrix_rank(matrix.T @ matrix, hermitian=True))


def _define(table: np.ndarray, row: int) -> np.ndarray:
    """A new place at the end of each arrow that `row` lacks."""
    missing = np.flatnonzero(table[row] < 0)
    new = len(table) + np.arange(len(missing))
    grown = np.concatenate([table, np.full((len(missing), table.shape[1]), -1)])
    grown[row, missing] = new
    return grown


def _saturate(table: np.ndarray, relations: np.ndarray) -> np.ndarray:
    """All arrows that follow from those there are."""
    while True:
        arrows = _deductions(table, relations)
        if not len(arrows):
            return table
        start, letter = np.nonzero(table >= 0)
        known = np.stack([start, letter, table[start, letter]], axis=1)
        table = _join(np.concatenate([known, arrows]), *table.shape)


def _deductions(table: np.ndarray, relations: np.ndarray) -> np.ndarray:
    """The third sides [arrow, (start, letter, end)] of triangles with two known, if they are new.

    An arrow that contradicts a known one is new too.
    """
    a, b, c = relations.T
    back = _inverse(table)
    first, third = table[:, a], table[:, c]  # [place, relation]
    second = np.where(first >= 0, table[first, b], -1)
    before = np.where(third >= 0, back[third, b], -1)
    place = np.broadcast_to(np.arange(len(table))[:, None], first.shape)
    sides = (
        (second >= 0) & (second != third), place, c, second
    ), (
        (first >= 0) & (third >= 0) & (second != third), first, b, third
    ), (
        (before >= 0) & (before != first), place, a, before
    )  # fmt: skip
    found = []
    for new, start, letter, end in sides:
        letters = np.broadcast_to(letter, new.shape)
        found.append(np.stack([start[new], letters[new], end[new]], axis=1))
    return np.concatenate(found)


def _inverse(table: np.ndarray) -> np.ndarray:
    back = np.full_like(table, -1)
    start, letter = np.nonzero(table >= 0)
    back[table[start, letter], letter] = start
    return back


def _join(arrows: np.ndarray, places: int, letters: int) -> np.ndarray:
    """The table of the arrows, after places that must be one are made one."""
    label = np.arange(places)
    while True:
        moved = np.stack([label[arrows[:, 0]], arrows[:, 1], label[arrows[:, 2]]], axis=1)
        one, other = _forced_equal(moved, letters)
        if not len(one):
            break
        label = _merged(places, one, other)[label]
    kept, renamed = np.unique(label, return_inverse=True)
    table = np.full((len(kept), letters), -1)
    table[renamed[arrows[:, 0]], arrows[:, 1]] = renamed[arrows[:, 2]]
    return table


def _forced_equal(arrows: np.ndarray, letters: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of arrows of one letter from one place, and starts of those into one place."""
    one, other = [], []
    for near, far in ((0, 2), (2, 0)):
        key = arrows[:, near] * letters + arrows[:, 1]
        order = np.argsort(key, kind="stable")
        same = key[order[1:]] == key[order[:-1]]
        ends = arrows[order, far]
        differ = same & (ends[1:] != ends[:-1])
        one.append(ends[:-1][differ])
        other.append(ends[1:][differ])
    return np.concatenate(one), np.concatenate(other)


def _merged(places: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """For each place the least that it equals, by chains of the pairs."""
    label = np.arange(places)
    while True:
        least = label.copy()
        np.minimum.at(least, one, label[other])
        np.minimum.at(least, other, label[one])
        np.minimum.at(least, label, least)
        least = least[least]
        if np.array_equal(least, label):
            return label
        label = least
