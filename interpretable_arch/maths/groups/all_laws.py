"""Of all group laws on n letters, how many products leave one?  Told by trying every law, n <= 8.

That there are only n elements is used here, unlike in `information_limit`: 1·1 = 0 leaves one law
on two letters, though as a relation it presents the integers.  The laws are all renamings of the
groups of order n: n! / |Aut G| for each, 840 in all for n = 7 and 22,080 for n = 8.

A set of products leaves one law when every other law differs from it in some of them.  Products are
deleted greedily, from several random orders; then every set of one product fewer is tried, as far
as there are at most `MOST_SETS` of them, so that the number is exact where that was possible.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Int, UInt

from interpretable_arch.maths.groups.finite_groups import FiniteGroup, parse
from interpretable_arch.maths.groups.information_limit import RandomShare

GROUPS = {
    1: ("Z1",),
    2: ("Z2",),
    3: ("Z3",),
    4: ("Z4", "Z2xZ2"),
    5: ("Z5",),
    6: ("Z6", "S3"),
    7: ("Z7",),
    8: ("Z8", "Z2xZ4", "D4", "Q8", "Z2xZ2xZ2"),
}  # every group of these orders, once up to isomorphism
MOST_SETS = 10_000_000


@dataclass(frozen=True)
class FewestAmongLaws:
    """`products` (a, b, a·b) leave one group law on the letters; `exact` where no fewer do."""

    products: tuple[tuple[int, int, int], ...]
    exact: bool

    @property
    def found(self) -> int:
        return len(self.products)


@lru_cache(maxsize=8)
def all_laws(order: int) -> Int[np.ndarray, "law order order"]:
    """Every group law on the letters 0..order-1.  Raises ValueError above order 8."""
    if order not in GROUPS:
        raise ValueError(f"order: wanted 1 to {max(GROUPS)}, got {order}")
    to = np.array(list(itertools.permutations(range(order))), dtype=np.int8)
    back = to.argsort(axis=1)
    found = []
    for name in GROUPS[order]:
        table = parse(name).table.numpy()
        law = np.empty((len(to), order, order), dtype=np.int8)
        for a, b in itertools.product(range(order), repeat=2):
            law[:, a, b] = np.take_along_axis(to, table[back[:, a], back[:, b]][:, None], 1)[:, 0]
        found.append(np.unique(law.reshape(len(to), -1), axis=0))
    return np.concatenate(found).reshape(-1, order, order)


def fewest_among_all_laws(group: FiniteGroup, draws: int = 100, seed: int = 0) -> FewestAmongLaws:
    """The fewest products found that leave the group's law alone of all on its letters.

    The least of `draws` greedy deletions, then lowered as long as trying every set of one fewer
    finds one.  Raises ValueError for fewer than one draw or above order 8.
    """
    agrees = _agreement(group, draws)
    rng = np.random.default_rng(seed)
    best = min((_delete(agrees, rng.permutation(len(agrees))) for _ in range(draws)), key=len)
    packed, exact = _packed(agrees), not best
    while best and math.comb(len(agrees), len(best) - 1) <= MOST_SETS:
        fewer = _a_set_of(packed, len(best) - 1)
        if fewer is None:
            exact = True
            break
        best = fewer
    law = group.table.flatten().tolist()
    rows = (divmod(cell, group.order) for cell in sorted(best))
    return FewestAmongLaws(tuple((a, b, law[a * group.order + b]) for a, b in rows), exact)


def random_share_among_all_laws(group: FiniteGroup, draws: int = 200, seed: int = 0) -> RandomShare:
    """The share of a table at which a random part of it leaves one law, for each draw; exact.

    Raises ValueError as `fewest_among_all_laws` does.
    """
    agrees = _agreement(group, draws)
    rng = np.random.default_rng(seed)
    shares = [_least(agrees, rng.permutation(len(agrees))) / len(agrees) for _ in range(draws)]
    return RandomShare(tuple(sorted(shares)))


def _agreement(group: FiniteGroup, draws: int) -> Bool[np.ndarray, "cell law"]:
    """Where each of the other laws has the group's own product."""
    if draws < 1:
        raise ValueError(f"draws: wanted at least 1, got {draws}")
    agrees = all_laws(group.order) == group.table.numpy()
    agrees = agrees.reshape(len(agrees), -1)
    return np.ascontiguousarray(agrees[~agrees.all(axis=1)].T)


def _least(agrees: np.ndarray, cells: np.ndarray) -> int:
    alive = np.ones(agrees.shape[1], dtype=bool)
    for shown, cell in enumerate(cells):
        if not alive.any():
            return shown
        alive &= agrees[cell]
    return len(cells)


def _delete(agrees: np.ndarray, cells: np.ndarray) -> tuple[int, ...]:
    """Cells of which none can be left out; each goes, in turn, that the others make needless."""
    kept = list(map(int, cells))
    differ = (~agrees).sum(axis=0)  # in how many kept cells each law differs
    for cell in map(int, cells):
        less = differ - ~agrees[cell]
        if less.all():
            kept.remove(cell)
            differ = less
    return tuple(kept)


def _packed(agrees: np.ndarray) -> UInt[np.ndarray, "cell word"]:
    """64 laws a word."""
    bytes_ = np.packbits(agrees, axis=1)
    return np.pad(bytes_, ((0, 0), (0, -bytes_.shape[1] % 8))).view(np.uint64)


def _a_set_of(packed: np.ndarray, size: int) -> tuple[int, ...] | None:
    """The first set of `size` cells with which no other law agrees; None where there is none."""
    if not size:
        return None if packed.shape[1] else ()
    for first, alive in _parts(packed, size - 1):
        start = first[-1] + 1 if first else 0
        last = np.flatnonzero(~(packed[start:] & alive).any(axis=1))
        if len(last):
            return (*first, start + int(last[0]))
    return None


def _parts(packed: np.ndarray, size: int) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
    """Every set of `size` cells, ascending, with the laws that agree in all of them."""
    if not size:
        yield (), np.full(packed.shape[1], np.iinfo(np.uint64).max, dtype=np.uint64)
        return
    for part, alive in _parts(packed, size - 1):
        for cell in range(part[-1] + 1 if part else 0, len(packed)):
            yield (*part, cell), alive & packed[cell]
