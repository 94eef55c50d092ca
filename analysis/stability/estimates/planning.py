"""How many more seeds: the interval's width to be expected at other numbers of seeds.

A symmetric quantity of two seeds splits (Hoeffding 1948) into what each seed adds to all its pairs
and what is the pair's own, h_ij = theta + a_i + a_j + e_ij. With variances A and E, the mean over
the pairs of K seeds has variance 4A/K + 2E/(K(K-1)), and the jackknife's variance the expectation

    v(K) = (4/K) (A + E/(K-2)),    width(K) = 2 t_(K-1) sqrt(v(K))

E from the residuals of the pairs, A from the seeds' means: unbiased, and A may come out negative,
which is kept and said; at K itself width(K) is then the interval's own. For a mean over seeds
v(K) = s^2/K. The width's own interval takes the variance as one of K-1 degrees of freedom.
"""

import math
from dataclasses import dataclass

from jaxtyping import Float
from scipy.special import chdtri, stdtrit
from torch import Tensor

from analysis.stability.estimates.intervals import Interval, off_diagonal, undefined

MOST_SEEDS = 10_000


@dataclass(frozen=True)
class WidthPlan:
    """What K seeds say of the width of an interval at other numbers of seeds.

    per_seed   variance a seed adds to all its pairs; for a mean over seeds, all there is
    per_pair   variance of the pair's own, 0 for a mean over seeds
    """

    seeds: int
    per_seed: float
    per_pair: float
    pairs: bool
    level: float = 0.95

    def variance(self, seeds: int) -> float:
        """The jackknife variance to be expected at this many seeds."""
        if not self.pairs:
            return self.per_seed / seeds
        # Both parts share the last K's noise: a negative one is only cut where the sum would be.
        return max(4 / seeds * (self.per_seed + self.per_pair / (seeds - 2)), 0.0)

    def width(self, seeds: int) -> Interval:
        """Full width of the interval at this many seeds; undefined below three, or with no spread.

        The interval of the width holds for a new study of that size, if seeds' parts are normal.
        """
        if seeds < (3 if self.pairs else 2):
            return undefined(math.nan, "too few seeds for an interval", self.level)
        reach = 2 * float(stdtrit(seeds - 1, (1 + self.level) / 2))
        width = reach * math.sqrt(self.variance(seeds))
        if width == 0:
            return undefined(0.0, "these seeds differ too little to plan with", self.level)
        freedom, tail = self.seeds - 1, (1 - self.level) / 2
        low, high = (
            width * math.sqrt(freedom / float(chdtri(freedom, p))) for p in (tail, 1 - tail)
        )
        return Interval(width, low, high, self.level, "chi-square, variance of the seeds at hand")

    def seeds_for(self, width: float) -> int | None:
        """The fewest seeds whose expected width is at most this; None past 10,000 or no spread.

        Raises ValueError for a width that is not above 0.
        """
        if not width > 0:
            raise ValueError(f"width: wanted a number above 0, got {width}")
        first = 3 if self.pairs else 2
        if not self.width(first + 1).defined or self.width(MOST_SEEDS).estimate > width:
            return None
        low, high = first - 1, MOST_SEEDS
        while high - low > 1:
            middle = (low + high) // 2
            reached = self.width(middle).estimate <= width
            low, high = (low, middle) if reached else (middle, high)
        return high

    def statement(self, name: str) -> str:
        """The plan in words: the width now and at twice as many seeds, and seeds for half of it."""
        now, twice = self.width(self.seeds), self.width(2 * self.seeds)
        if not (now.defined and twice.defined):
            return f"{name}: the seeds at hand differ too little to plan with"
        half = self.seeds_for(now.estimate / 2)
        wanted = f"{half} seeds" if half else f"not reachable below {MOST_SEEDS} seeds"
        return (
            f"{name}: interval {now.estimate:.3g} wide with {self.seeds} seeds, about"
            f" {twice.estimate:.3g} [{twice.low:.3g}, {twice.high:.3g}] with {2 * self.seeds};"
            f" half as wide: {wanted}"
        )


def plan_pairs(matrix: Float[Tensor, "seed seed"], *, level: float = 0.95) -> WidthPlan:
    """The plan for a mean over pairs of seeds. Raises ValueError below four seeds.

    Four are needed to tell the seeds' part from the pairs' own.
    """
    h = off_diagonal(matrix)
    K = len(h)
    if K < 4:
        raise ValueError(f"matrix: wanted at least four seeds to plan with, got {K}")
    mean = float(h.sum()) / (K * (K - 1))
    rows = h.sum(1)
    # Least squares of h_ij = mean + a_i + a_j, then what is left over.
    a = (rows - (K - 1) * mean) / (K - 2)
    residual = (h - mean - a[:, None] - a[None, :]).fill_diagonal_(0.0)
    per_pair = float(residual.square().sum()) / 2 / (K * (K - 3) / 2)
    per_seed = float(a.square().sum()) / (K - 1) - per_pair / (K - 2)
    return WidthPlan(K, per_seed, per_pair, True, level)


def plan_mean(values: Float[Tensor, "seed"], *, level: float = 0.95) -> WidthPlan:
    """The plan for a mean over seeds. Raises ValueError below two, or values not finite."""
    if len(values) < 2 or not bool(values.isfinite().all()):
        raise ValueError(f"values: wanted two finite numbers or more, got {values.tolist()}")
    return WidthPlan(len(values), float(values.double().var()), 0.0, False, level)
