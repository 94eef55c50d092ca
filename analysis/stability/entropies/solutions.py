"""How many different solutions K seeds found, with everything such a number needs beside it.

The headline is the collision probability, the chance that two new seeds end in one class: unbiased
for two seeds or more. Its interval is the leave-one-seed-out jackknife, classes found anew each
time, never narrower than independent pairs, its upper end at least what the largest class allows;
where all seeds are alike, or no two are, the jackknife has no width and an exact bound stands in
its place. Simulated coverage of the nominal 95% at 5, 10, 20 and 50 seeds over 14 distributions of
classes: 91% or more, mostly above 95%; the jackknife alone falls to 2%. Others are worse: .8 and
20 x .01 give 89% at 20 seeds, two classes (summed exactly) 88 / 84% for .7 / .8 at 20 and 87% for
.6 at 50.

Entropies are in bits. Below Good-Turing coverage .5 they are withheld: "unresolved", and a lower
bound. The interval of Chao-Wang-Jost's entropy is approximate: simulated over ten distributions,
79-100% where half of all draws or more are resolved; where few are, those few show too little, and
it covers down to 0% of them (.2 and 100 x .008 at 5 and 10 seeds).
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability.entropies import bounds, entropy
from analysis.stability.entropies.classes import class_counts, number_classes
from analysis.stability.estimates.intervals import (
    Interval,
    clopper_pearson,
    from_left_out,
    undefined,
)

RESOLVED_COVERAGE = 0.5

Counts = tuple[int, ...]


@dataclass(frozen=True)
class Shannon:
    """Shannon entropy of the solution classes in bits by four estimators.

    Their jackknife-t intervals are approximate, which `method` says.
    """

    plug_in: Interval
    miller_madow: Interval
    chao_shen: Interval
    chao_wang_jost: Interval


@dataclass(frozen=True)
class Solutions:
    """The solution classes of K seeds and their diversity. Entropies in bits, shares in [0, 1].

    basis        the rule that made the classes
    classes      class of each seed, 0 the largest;  names, counts: of each class
    collision    probability that two seeds share a class
    modal_share  share of the largest class, Clopper-Pearson; corrected for the class being chosen
                 after looking where all seeds are alike, else not
    coverage     Good-Turing: estimated probability that a new seed falls in a class already seen
    resolved     coverage >= .5; if not, `shannon` is None
    at_least     lower 95% bound of the entropy, from the upper end of `collision`
    at_most      upper 95% bound where all are alike, if what was missed is one class, else None
    statement    the same in words
    """

    basis: str
    classes: tuple[int, ...]
    names: tuple[str, ...]
    counts: tuple[int, ...]
    collision: Interval
    modal_share: Interval
    coverage: float
    resolved: bool
    shannon: Shannon | None
    at_least: float
    at_most: float | None
    statement: str
    unit: str = "bits"


def solutions(
    labels: Sequence[Hashable],
    left_out: Sequence[Sequence[Hashable]] | None = None,
    *,
    basis: str,
    level: float = 0.95,
) -> Solutions:
    """Count the classes of `labels`, one a seed, and estimate their diversity.

    `left_out[i]` holds the labels of the others found without seed i, where the classes depend on
    who is there. Raises ValueError for no seeds.
    """
    seeds = len(labels)
    if seeds < 1:
        raise ValueError("labels: wanted one label a seed, got none")
    if left_out is None:
        left_out = [[*labels[:i], *labels[i + 1 :]] for i in range(seeds)]
    classes = number_classes(labels)
    counts = class_counts(classes)
    without = [tuple(sorted(Counter(others).values())) for others in left_out if len(others)]
    collision = _collision(counts, without, level)
    coverage = entropy.coverage(counts)
    modal = _modal_share(counts, level)
    at_most = bounds.entropy_at_most(modal.low) if len(counts) == 1 else math.nan
    resolved = coverage >= RESOLVED_COVERAGE
    found = Solutions(
        basis=basis,
        classes=tuple(classes.tolist()),
        names=tuple(str(labels[int((classes == n).nonzero()[0])]) for n in range(len(counts))),
        counts=tuple(counts.tolist()),
        collision=collision,
        modal_share=modal,
        coverage=coverage,
        resolved=resolved,
        shannon=_shannon(counts, without, at_most, level) if resolved else None,
        at_least=bounds.entropy_at_least(collision.high) if collision.defined else 0.0,
        at_most=None if math.isnan(at_most) else at_most,
        statement="",
    )
    return replace(found, statement=_statement(found))


def _collision(counts: Int[Tensor, "class"], without: list[Counts], level: float) -> Interval:
    seeds, largest = int(counts.sum()), int(counts[0])
    estimate = entropy.collision(counts)
    if seeds == 1:
        return undefined(estimate, "one seed has no pairs", level)
    if len(counts) == 1:
        low = bounds.collision_if_alike(seeds, level=level)
        return Interval(1.0, low, 1.0, level, "exact one-sided bound, all seeds in one class")
    most = bounds.most_collision(largest, seeds, level=level)
    if largest == 1:
        return Interval(0.0, 0.0, most, level, "exact one-sided bound, no two seeds alike")
    left_out = _each(entropy.collision, without)
    least = 2 * estimate * (1 - estimate) / (seeds * (seeds - 1))
    found = from_left_out(estimate, left_out, level=level, least_variance=least)
    if most > found.high:
        found = replace(
            found, high=most, method=f"{found.method}, raised to what the largest class allows"
        )
    return found.clipped(0.0, 1.0)


def _modal_share(counts: Int[Tensor, "class"], level: float) -> Interval:
    seeds, largest = int(counts.sum()), int(counts[0])
    if largest < seeds:
        return clopper_pearson(largest, seeds, level=level)
    low = bounds.modal_share_if_alike(seeds, level=level)
    return Interval(1.0, low, 1.0, level, "Clopper-Pearson, one-sided, all seeds in one class")


def _shannon(
    counts: Int[Tensor, "class"], without: list[Counts], at_most: float, level: float
) -> Shannon:
    # Classes alike in size: plug-in is log C - chi^2_{C-1}/(2K), the jackknife sees no variance.
    least = (len(counts) - 1) / (2 * int(counts.sum()) ** 2) / math.log(2) ** 2

    def bits(estimator: Callable[[Tensor], float]) -> Interval:
        if len(counts) == 1:
            if math.isnan(at_most):
                return undefined(0.0, "too few seeds, all alike", level)
            method = "share of the one class, if what was missed is one other class"
            return Interval(0.0, 0.0, at_most, level, method)
        found = from_left_out(
            estimator(counts) / math.log(2),
            _each(estimator, without) / math.log(2),
            level=level,
            least_variance=least,
        )
        if found.defined:
            found = replace(found, method=f"{found.method}, approximate")
        return found.clipped(0.0, math.inf)

    return Shannon(
        plug_in=bits(entropy.plug_in),
        miller_madow=bits(entropy.miller_madow),
        chao_shen=bits(entropy.chao_shen),
        chao_wang_jost=bits(entropy.chao_wang_jost),
    )


def _each(estimator: Callable[[Tensor], float], without: list[Counts]) -> Float[Tensor, "seed"]:
    # Seeds of equally large classes leave the same counts behind: each is worked out once.
    values = {counts: estimator(torch.tensor(counts)) for counts in set(without)}
    return torch.tensor([values[counts] for counts in without], dtype=torch.float64)


def _statement(found: Solutions) -> str:
    seeds, classes = len(found.classes), len(found.counts)
    if seeds == 1:
        return "one seed: unresolved, coverage 0"
    if not found.resolved:
        return (
            f"{classes} classes in {seeds} seeds: unresolved, coverage {found.coverage:.2g};"
            f" entropy at least {found.at_least:.2f} bits ({found.collision.level:.0%} bound)"
        )
    if classes == 1:
        return _statement_of_one_class(found, seeds)
    assert found.shannon is not None, found.coverage
    estimate = found.shannon.chao_wang_jost
    return (
        f"{classes} classes in {seeds} seeds: two seeds agree with probability {found.collision};"
        f" entropy {estimate} bits (approximate), coverage {found.coverage:.2f}"
    )


def _statement_of_one_class(found: Solutions, seeds: int) -> str:
    share = f"all {seeds} seeds in one class: its share is at least {found.modal_share.low:.2f}"
    if found.at_most is None:
        return f"{share}; too few seeds to bound the entropy from above"
    return (
        f"{share}; zero entropy at K={seeds} means below about {found.at_most:.1f} bit,"
        " if what was missed is one class"
    )
