"""What K seeds can't exclude about diversity: exact bounds where the jackknife has no width.

With p the probabilities of the solution classes, c2 = sum p^2 the collision probability, and H
Shannon's entropy:

all K seeds alike
    The modal share is at least s, where the likeliest p of that share has sum p^K = 1 - level; from
    K = 8 on that is (1 - level)^(1/K): .86 for 20 seeds, .94 for 50.
    c2 >= (1 - level)^(2/K), because sum p^K <= c2^(K/2).
no two seeds alike
    c2 <= a^2, where Binomial(K, a) is at most 1 with probability 1 - level. Of all p with a given
    c2, one class beside endless rare ones makes repeats least likely: of three shares with a given
    sum and sum of squares the product is largest where the two smaller are equal.
else
    c2 <= a^2 with the largest count in place of 1: no theorem but a safeguard (simulated), used
    only to widen a jackknife interval.

Since H >= H_2 = -log c2 (Renyi 1961), an upper bound of c2 bounds the entropy from below.
"""

import math

from analysis.stability.estimates.intervals import clopper_pearson


def modal_share_if_alike(seeds: int, *, level: float = 0.95) -> float:
    """Lower bound of the largest class's share when all seeds fell in one class; 0 for one seed.

    Clopper-Pearson's bound, corrected for the class being chosen after looking, which matters below
    eight seeds.
    """
    _check_seeds(seeds)
    if seeds == 1:
        return 0.0
    miss = 1 - level

    def alike(share: float) -> float:
        """The largest probability of one class for all when no class has more than `share`."""
        whole = math.floor(1 / share)
        return whole * share**seeds + max(1 - whole * share, 0.0) ** seeds

    low, high = miss ** (1 / (seeds - 1)), miss ** (1 / seeds)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if alike(middle) > miss else (middle, high)
    return (low + high) / 2


def collision_if_alike(seeds: int, *, level: float = 0.95) -> float:
    """Lower bound of the collision probability when all seeds fell in one class; 0 for one seed."""
    _check_seeds(seeds)
    return (1 - level) ** (2 / seeds) if seeds > 1 else 0.0


def most_collision(largest: int, seeds: int, *, level: float = 0.95) -> float:
    """Upper bound of the collision probability from the largest class's size; 1 for one seed.

    Exact where `largest` is 1, a safeguard elsewhere (see above).
    """
    _check_seeds(seeds)
    if largest >= seeds:
        return 1.0
    # A two-sided interval at 2 level - 1 leaves 1 - level on each side.
    return clopper_pearson(largest, seeds, level=2 * level - 1).high ** 2


def entropy_at_least(collision: float) -> float:
    """Lower bound of Shannon's entropy, bits, from an upper bound of the collision probability."""
    return max(0.0, -math.log2(collision)) if collision > 0 else math.inf


def entropy_at_most(modal_share: float) -> float:
    """Entropy in bits of one class of this share and one other; NaN below a half: no bound there.

    An upper bound only if what was not met is one class: endless rare classes have any entropy at
    all.
    """
    if modal_share < 0.5:
        return math.nan
    shares = (modal_share, 1 - modal_share)
    return sum(-share * math.log2(share) for share in shares if share > 0)


def _check_seeds(seeds: int) -> None:
    if seeds < 1:
        raise ValueError(f"seeds: wanted at least 1, got {seeds}")
