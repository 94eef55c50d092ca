"""Entropy against the class threshold: how far the count of solutions hangs on the line.

Between two merges of the complete-linkage tree nothing changes, so the curve is a staircase, exact
with one point at 0 and one at each merge.
"""

from dataclasses import dataclass

from analysis.stability.entropies.classes import Linkage
from analysis.stability.entropies.solutions import solutions
from analysis.stability.estimates.intervals import Interval


@dataclass(frozen=True)
class ThresholdPoint:
    """The solution classes from this threshold up to the next point's. Entropies in bits.

    `entropy` is Chao-Wang-Jost's estimate, None below coverage .5; `at_least` the lower 95% bound
    that always holds.
    """

    threshold: float
    classes: int
    coverage: float
    collision: Interval
    entropy: Interval | None
    at_least: float


def entropy_curve(linkage: Linkage) -> tuple[ThresholdPoint, ...]:
    """One point at 0 and one at each merge height, thresholds rising, classes falling to one."""
    return tuple(_point(linkage, height) for height in sorted({0.0, *linkage.heights}))


def _point(linkage: Linkage, threshold: float) -> ThresholdPoint:
    without = range(len(linkage.without))
    found = solutions(
        linkage.classes(threshold),
        [linkage.classes_without(seed, threshold) for seed in without],
        basis=f"threshold {threshold:.4g}",
    )
    return ThresholdPoint(
        threshold=threshold,
        classes=len(found.counts),
        coverage=found.coverage,
        collision=found.collision,
        entropy=found.shannon.chao_wang_jost if found.shannon else None,
        at_least=found.at_least,
    )
