"""How many products of a group's table present the group, at best and at random?

Products present it when the group that they present has no more elements than there are letters
(`presentations`).  Then every group law on the letters that agrees with them is this one, and so is
every model that answers them with a representation.  They need not present it to leave one law:
that there are only n elements says more, and fewer products may do (`all_laws`, up to order 8).

Bound: n letters with fewer than n relations have an infinite abelian quotient, and a finite group
needs d(H_2(G, Z)) relations more than letters (`schur_multiplier`), so at least n + d(H_2) products
are needed to present it (n alone above order 128, where the multiplier is not computed).  The
number found is the least left by deleting products, one after another in random orders, while they
still present the group: an upper bound, and the exact number where both meet.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.isomorphism import short_generators
from interpretable_arch.maths.groups.presentations import presented_order
from interpretable_arch.maths.groups.schur_multiplier import LARGEST, multiplier_rank

ROOM = 3  # places a letter: less work than more, and some products that present are missed
SMALL = 12  # up to this order deletion begins at the whole table


@dataclass(frozen=True)
class FewestProducts:
    """`products` (a, b, a·b) present the group, none can be left out, and `bound` are needed."""

    bound: int
    products: tuple[tuple[int, int, int], ...]

    @property
    def found(self) -> int:
        return len(self.products)

    @property
    def exact(self) -> bool:
        return self.found == self.bound


@dataclass(frozen=True)
class RandomShare:
    """For each draw of an order of all products, the least share of them, from the first on, that
    is enough; ascending."""

    shares: tuple[float, ...]

    @property
    def median(self) -> float:
        return float(np.median(self.shares))

    @property
    def lowest(self) -> float:
        return self.shares[0]

    @property
    def highest(self) -> float:
        return self.shares[-1]


def determines(products: Int[Tensor, "product 3"], letters: int) -> bool:
    """Whether a group's products present it, and so leave one table; False says only that this was
    not found."""
    return presented_order(products, letters, ROOM * letters) == letters


def all_products(group: FiniteGroup) -> Int[Tensor, "product 3"]:
    """Every row (a, b, a·b) of the table, row by row."""
    elements = torch.arange(group.order)
    pairs = torch.cartesian_prod(elements, elements)
    return torch.cat([pairs, group.table.flatten()[:, None]], dim=1)


def fewest_products(group: FiniteGroup, draws: int = 3, seed: int = 0) -> FewestProducts:
    """The least of `draws` greedy deletions, beside the bound.

    Raises ValueError for fewer than one draw, or a group of one element.
    """
    _at_least_one(draws, group)
    rng = np.random.default_rng(seed)
    found = [_delete(group, rng) for _ in range(draws)]
    best = min(found, key=len)
    needed = multiplier_rank(group) if group.order <= LARGEST else 0
    return FewestProducts(group.order + needed, tuple((a, b, c) for a, b, c in best.tolist()))


def random_share_that_presents(group: FiniteGroup, draws: int = 20, seed: int = 0) -> RandomShare:
    """The share of a table at which a random part of it presents the group, by bisection.

    What fewer products present more of them do, so that a draw has one least number.  Where |P| was
    not found the products count as too few.  Raises ValueError as `fewest_products` does.
    """
    _at_least_one(draws, group)
    rng = np.random.default_rng(seed)
    everything = all_products(group)
    shares = [_least(everything[rng.permutation(len(everything))]) for _ in range(draws)]
    return RandomShare(tuple(sorted(shares)))


def _at_least_one(draws: int, group: FiniteGroup) -> None:
    if draws < 1:
        raise ValueError(f"draws: wanted at least 1, got {draws}")
    if group.order < 2:
        raise ValueError(f"group: wanted at least two elements, got {group.order}")


def _least(products: Int[Tensor, "product 3"]) -> float:
    letters = round(len(products) ** 0.5)
    few, enough = letters - 1, letters
    while not determines(products[:enough], letters):
        few, enough = enough, min(len(products), enough + letters // 2 + 1)
    while enough - few > 1:
        middle = (few + enough) // 2
        if determines(products[:middle], letters):
            enough = middle
        else:
            few = middle
    return enough / len(products)


def _delete(group: FiniteGroup, rng: np.random.Generator) -> Int[Tensor, "product 3"]:
    """Products of which none can be left out, from the table or from the rows of generators."""
    kept = all_products(group)
    if group.order > SMALL:
        letters = torch.tensor(short_generators(group))
        kept = kept[torch.isin(kept[:, 1], letters)]
    assert determines(kept, group.order), group.name
    for product in torch.from_numpy(rng.permutation(kept.numpy())):
        less = kept[(kept != product).any(dim=1)]
        if len(less) >= group.order and determines(less, group.order):
            kept = less
    return kept
