"""Solution classes not met yet: how many at least, and how many new ones more seeds would show.

f1, f2 classes met once, twice; S classes in K seeds:

    classes in all >= S + (K-1)/K f1(f1-1) / (2(f2+1))               Chao's, bias-corrected
    new in m more seeds    f0 (1 - (1 - f1/(K f0 + f1))^m)          f0 = (K-1)/K f1^2 / (2 f2), or
                                                                    (K-1)/K f1(f1-1)/2 where f2 = 0
    coverage with m more   1 - f1/K ((K-1) f1 / ((K-1) f1 + 2 f2))^(m+1), or, where f2 = 0,
                           1 - f1/K ((K-1)(f1-1) / ((K-1)(f1-1) + 2))^(m+1)

Chao 1984, with the log-normal interval of Chao 1987 widened to whole numbers; extrapolation:
Colwell et al. 2012 (10.1093/jpe/rtr044); coverage: Chao and Jost 2012 (10.1890/11-1952.1). The
corrected form is steadier for the bound, the other nearer for new classes, where classes differ in
size. New classes in one more seed are what coverage leaves, in either case. With one class met once
and none twice both formulas would give no new class and coverage 1 from a single seed: new classes
and coverage of more seeds are NaN there. Rare classes beyond number can never be excluded. It
extrapolates to m = K, about; beyond that, and wherever coverage is below .5, the count is
unresolved.
"""

import math
from dataclasses import dataclass

from jaxtyping import Int
from scipy.special import ndtri
from torch import Tensor

from analysis.stability.entropies.entropy import coverage
from analysis.stability.estimates.intervals import Interval, undefined

RESOLVED_COVERAGE = 0.5


@dataclass(frozen=True)
class Unseen:
    """Classes met and not met. `classes` is a lower bound with its interval; `new` in K more seeds.

    new, coverage_at_twice  expected with K more seeds, NaN where nothing can be said
    missed_share       a class larger than this would have been met with probability `level`
    """

    seeds: int
    met: int
    classes: Interval
    new: float
    coverage: float
    coverage_at_twice: float
    missed_share: float
    resolved: bool
    statement: str


def unseen(counts: Int[Tensor, "class"], *, level: float = 0.95) -> Unseen:
    """What class counts say of classes not met; estimates, `classes` a lower bound in expectation.

    Raises ValueError for no classes or one without a seed.
    """
    covered = coverage(counts)
    K, met = int(counts.sum()), len(counts)
    missed = 1 - (1 - level) ** (1 / K)
    resolved = covered >= RESOLVED_COVERAGE
    found = Unseen(
        seeds=K,
        met=met,
        classes=chao1(counts, level=level),
        new=new_classes(counts, K),
        coverage=covered,
        coverage_at_twice=coverage_after(counts, K),
        missed_share=missed,
        resolved=resolved,
        statement="",
    )
    return Unseen(**{**vars(found), "statement": _statement(found)})


def chao1(counts: Int[Tensor, "class"], *, level: float = 0.95) -> Interval:
    """Lower bound of the number of classes, with Chao's log-normal interval; never below those met.

    Where fewer than two classes were met once the bound is the number met and there is no interval.
    """
    f1, f2, K = _rare(counts)
    met, shrink = len(counts), (K - 1) / K
    f0 = _unmet(counts)
    if f0 == 0:
        return undefined(float(met), "fewer than two classes were met once", level)
    more = f2 + 1
    variance = shrink * f1 * (f1 - 1) / (2 * more) + shrink**2 * f1 * (2 * f1 - 1) ** 2 / (
        4 * more**2
    )
    if f2:
        variance += shrink**2 * f1**2 * f2 * (f1 - 1) ** 2 / (4 * more**4)
    else:
        variance -= shrink**2 * f1**4 / (4 * (met + f0))
    spread = math.exp(float(ndtri((1 + level) / 2)) * math.sqrt(math.log1p(variance / f0**2)))
    low, high = math.floor(met + f0 / spread), math.ceil(met + f0 * spread)
    return Interval(met + f0, float(low), float(high), level, "Chao1, log-normal, whole classes")


def new_classes(counts: Int[Tensor, "class"], more: int) -> float:
    """Expected number of classes met first in this many more seeds; at least 0, at most f0.

    NaN where one class was met once and none twice.
    """
    if more < 0:
        raise ValueError(f"more: wanted 0 seeds or more, got {more}")
    f1, f2, K = _rare(counts)
    if (f1, f2) == (1, 0):
        return math.nan
    f0 = (K - 1) / K * (f1**2 / (2 * f2) if f2 else f1 * (f1 - 1) / 2)
    if f0 == 0:
        return 0.0
    return f0 * -math.expm1(more * math.log1p(-f1 / (K * f0 + f1)))


def coverage_after(counts: Int[Tensor, "class"], more: int) -> float:
    """Expected coverage with this many more seeds, in [0, 1].

    NaN where one class was met once and none twice.
    """
    f1, f2, K = _rare(counts)
    if f1 == 0:
        return 1.0
    if (f1, f2) == (1, 0):
        return math.nan
    weight, twice = ((K - 1) * f1, f2) if f2 else ((K - 1) * (f1 - 1), 1)
    stays = weight / (weight + 2 * twice)
    return 1 - f1 / K * stays ** (more + 1)


def _unmet(counts: Tensor) -> float:
    f1, f2, K = _rare(counts)
    shrink = (K - 1) / K
    return shrink * f1 * (f1 - 1) / (2 * (f2 + 1))


def _rare(counts: Tensor) -> tuple[int, int, int]:
    coverage(counts)  # checks them
    return int((counts == 1).sum()), int((counts == 2).sum()), int(counts.sum())


def _statement(found: Unseen) -> str:
    start = f"{_counted(found.met, 'class')} in {_counted(found.seeds, 'seed')}"
    if not found.resolved:
        return (
            f"{start}: unresolved, coverage {found.coverage:.2g}; at least"
            f" {_counted(round(found.classes.estimate), 'class')}, how many more can't be said"
        )
    if not found.classes.defined:
        return (
            f"{start}, coverage {found.coverage:.2f}: too few rare ones to hint at"
            f" others; one of share {found.missed_share:.2f} would have shown with"
            f" {found.classes.level:.0%} probability, a larger one with more"
        )
    return (
        f"{start}, coverage {found.coverage:.2f}: at least {found.classes} in all; in"
        f" {found.seeds} more seeds about {found.new:.1f} new ones,"
        f" coverage {found.coverage_at_twice:.2f}"
    )


def _counted(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"
