"""Sets of components of K models: what two share, less what two random sets of their sizes would.

    J = |A and B| / |A or B|,     E = sum_i P(i) i / (a + b - i),    i ~ hypergeometric(N, a, b)
    adjusted = (J - E) / (1 - E):    0 as chance alone would have it, 1 equal sets

E is exact: the mean of J over all pairs of sets of a and b components out of the same N (the
correction for chance of Hubert and Arabie 1985, for Jaccard's index of 1901). The universe is what
a set could have held. Where only the union of the sets is known there is no E: out of their own
union, two sets always agree by less than chance would have it. J alone is given then.
"""

import math
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.stats import hypergeom
from torch import Tensor

LEAST_GAP = 1e-12  # between chance and 1, below which nothing can be said above chance


@dataclass(frozen=True, eq=False)
class Overlap:
    """Jaccard's index of all pairs, its expectation, and what is above it, in [-1, 1].

    `adjusted` is NaN where chance agrees already: two empty sets, or two that hold the universe.
    `universe` counts components; `of_union` says that it is only the union of the sets, for want of
    the true one: then `expected` and `adjusted` are NaN throughout.
    """

    jaccard: Float[Tensor, "seed seed"]
    expected: Float[Tensor, "seed seed"]
    adjusted: Float[Tensor, "seed seed"]
    universe: int
    of_union: bool


def overlap(sets: Sequence[Collection[Hashable]], universe: int | None = None) -> Overlap:
    """Overlap of all pairs of K sets out of `universe` components, by one matrix product.

    Without a universe nothing is said of chance. Two empty sets have J = 1. Costs K^2 N. Raises
    ValueError for no sets, and for a universe smaller than their union.
    """
    held = indicators(sets)
    union = held.shape[1]
    size = union if universe is None else universe
    if size < union:
        raise ValueError(f"universe: wanted at least {union}, the size of the union, got {size}")
    rows = held.double()
    sizes = rows.sum(1)
    shared = rows @ rows.T
    either = sizes[:, None] + sizes[None, :] - shared
    jaccard = torch.where(either > 0, shared / either.clamp(min=1.0), 1.0)
    if universe is None:
        unknown = torch.full_like(jaccard, math.nan)
        return Overlap(jaccard, unknown, unknown, union, of_union=True)
    expected = _expected(sizes.long().tolist(), size)
    room = 1 - expected
    adjusted = torch.where(room > LEAST_GAP, (jaccard - expected) / room, math.nan)
    return Overlap(jaccard, expected, adjusted, size, of_union=False)


def indicators(sets: Sequence[Collection[Hashable]]) -> Bool[Tensor, "seed component"]:
    """One row a set, one column a component of their union, in order of first appearance.

    Raises ValueError for no sets.
    """
    if not sets:
        raise ValueError("sets: wanted one set a model, got none")
    places = {c: n for n, c in enumerate(dict.fromkeys(c for each in sets for c in each))}
    held = torch.zeros(len(sets), len(places), dtype=torch.bool)
    for row, each in enumerate(sets):
        held[row, [places[component] for component in each]] = True
    return held


def expected_jaccard(one: int, other: int, universe: int) -> float:
    """Mean Jaccard index of random sets of `one` and `other` components out of `universe`.

    Exact, in [0, 1]. Raises ValueError unless both sizes lie in 0 .. universe.
    """
    if not (0 <= one <= universe and 0 <= other <= universe):
        raise ValueError(f"one, other: wanted 0 to {universe}, got {one} and {other}")
    if one + other == 0:
        return 1.0
    shared = np.arange(max(0, one + other - universe), min(one, other) + 1)
    chance = hypergeom.pmf(shared, universe, one, other)
    return float((chance * shared / (one + other - shared)).sum())


def _expected(sizes: Sequence[int], universe: int) -> Float[Tensor, "seed seed"]:
    """Sizes repeat: each pair of sizes is worked out once."""
    kinds = sorted(set(sizes))
    table = [[expected_jaccard(a, b, universe) for b in kinds] for a in kinds]
    places = torch.tensor([kinds.index(size) for size in sizes])
    return torch.tensor(table, dtype=torch.float64)[places][:, places]
