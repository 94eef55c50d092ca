"""The null ladder: a raw score means little, so beside it stand scores of what shares nothing.

    above = (raw - null) / (max - null):  0 no better than the null, 1 all seeds the same

untrained          the same architecture before its first step: what wiring and inputs alone give
label-shuffled     trained as long on answers that were dealt anew: what training alone gives; the
                   runs of a study share one deal, so their interval holds no variance of the deal
row permutation    one of each pair sees its inputs in another order: what the estimator alone gives
rotated basis      the same subspace in a random basis: what is due to directions, not to space
random, same covariance   dictionaries with the same second moments: what chance matching gives

Ratios are for similarities, where all seeds agree at 1. Untrained models often agree in distance
already, all answers alike likely: against so small a null a ratio of distances has no meaning, and
a distance stands beside its nulls alone. Where the null's models are the trained ones in another
state, seed i is left out of both at once; a null of other models has its own spread, added.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from analysis.stability.estimates.intervals import (
    Interval,
    from_left_out,
    pair_interval,
    pair_means_left_out,
    undefined,
)
from analysis.stability.estimates.two_way import two_way_interval

MOST_NULL = 6  # seeds of a null where pairs are dear: 15 pairs say where chance lies
LEAST_GAP = 1e-6  # between a null and perfect agreement, in units of the measure
UNTRAINED, SHUFFLED = "untrained", "label-shuffled training"
PERMUTED, ROTATED = "row permutation", "rotated basis"
RANDOM = "random, same covariance"
# Nulls that are the seeds themselves in another state; others have a spread of their own.
OF_THE_SAME_SEEDS = frozenset({UNTRAINED, ROTATED, RANDOM})


@dataclass(frozen=True)
class Rung:
    """One null of a measure; `above` is (raw - null)/(1 - null), None for distances."""

    name: str
    null: Interval
    above: Interval | None


@dataclass(frozen=True)
class PairMeasure:
    """One measure on all pairs of seeds: its mean with interval, beside its nulls.

    of          what it was measured on, "" where the name says it
    seeds       numbers of the seeds compared, in the order of `matrix`
    best        the value where all seeds agree: 1 for a similarity, 0 for a distance
    raw         mean over pairs, its interval for new seeds on the same inputs
    rungs       the null ladder, empty where no null was measured
    new_inputs  the same mean, its interval for new seeds on new inputs; None where not asked
    """

    name: str
    unit: str
    best: float
    seeds: tuple[int, ...]
    matrix: tuple[tuple[float, ...], ...]
    raw: Interval
    rungs: tuple[Rung, ...] = ()
    of: str = ""
    new_inputs: Interval | None = None

    def rung(self, name: str) -> Rung | None:
        """The null of this name, if it was measured."""
        return next((rung for rung in self.rungs if rung.name == name), None)


def pair_measure(
    name: str,
    unit: str,
    *,
    best: float,
    seeds: tuple[int, ...],
    matrix: Float[Tensor, "seed seed"],
    nulls: Mapping[str, Float[Tensor, "null null"]] | None = None,
    limits: tuple[float, float] = (-math.inf, math.inf),
    of: str = "",
    without: Float[Tensor, "block seed seed"] | None = None,
) -> PairMeasure:
    """The measure's matrix and its null matrices as one result; intervals are clipped to `limits`.

    `without` is the matrix with each block of inputs left out, from which the interval for new
    inputs is made. A null `OF_THE_SAME_SEEDS`, of as many, is jackknifed together with them. Raises
    ValueError on a `best` that is neither 0 nor 1.
    """
    if best not in (0.0, 1.0):
        raise ValueError(f"best: wanted 1 (similarity) or 0 (distance), got {best}")
    rungs = tuple(
        Rung(
            rung,
            pair_interval(null).clipped(*limits),
            None if best == 0 else above_null(matrix, null, paired=rung in OF_THE_SAME_SEEDS),
        )
        for rung, null in (nulls or {}).items()
    )
    return PairMeasure(
        name=name,
        unit=unit,
        best=best,
        seeds=seeds,
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        raw=pair_interval(matrix).clipped(*limits),
        rungs=rungs,
        of=of,
        new_inputs=None if without is None else two_way_interval(matrix, without).clipped(*limits),
    )


def above_null(
    raw: Float[Tensor, "seed seed"],
    null: Float[Tensor, "null null"],
    *,
    paired: bool = True,
    level: float = 0.95,
) -> Interval:
    """(raw - null)/(1 - null) of mean similarities over pairs, jackknife-t; at most 1.

    Negative where the seeds are less alike than the null; undefined where the null agrees already.
    With `paired` and as many seeds in both, seed i is left out of both at once; else the two
    jackknife intervals add in quadrature.
    """
    estimate, floor = (pair_interval(each).estimate for each in (raw, null))
    if math.isnan(estimate) or math.isnan(floor):
        return undefined(math.nan, "one seed has no pairs", level)
    if abs(1 - floor) < LEAST_GAP:
        return undefined(math.nan, "the seeds of the null agree already", level)
    ratio = (estimate - floor) / (1 - floor)
    raws, floors = pair_means_left_out(raw), pair_means_left_out(null)
    if paired and len(raw) == len(null):
        found = from_left_out(ratio, (raws - floors) / (1 - floors), level=level)
    else:
        found = _unpaired(ratio, (raws - floor) / (1 - floor), (estimate - floors) / (1 - floors))
    return found.clipped(-math.inf, 1.0)


def _unpaired(ratio: float, ours: Float[Tensor, "a"], theirs: Float[Tensor, "b"]) -> Interval:
    """Each side's own t reach, added in quadrature: no narrower than Welch's interval."""
    parts = [from_left_out(ratio, left_out) for left_out in (ours, theirs)]
    if not all(part.defined for part in parts):
        return undefined(ratio, "fewer than three seeds on one side")
    reach = math.hypot(*((part.high - part.low) / 2 for part in parts))
    return Interval(ratio, ratio - reach, ratio + reach, method="two jackknives-t in quadrature")
