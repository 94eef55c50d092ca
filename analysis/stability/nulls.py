"""A raw score means little alone: beside it, the same measure on the same models untrained.

    above_null = (raw - null) / (1 - null):  0 no better than untrained, 1 all seeds the same

It is for similarities, where all seeds agree at 1. Untrained models often agree in distance
already, all answers alike likely: against so small a null a ratio of distances has no meaning, and
a distance stands beside its null alone. The untrained models are the trained ones before their
first step, so seed i is left out of both at once.
"""

import math
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from analysis.stability.intervals import (
    Interval,
    from_left_out,
    pair_interval,
    pair_means_left_out,
    undefined,
)

LEAST_GAP = 1e-6  # between untrained models and perfect agreement, in units of the measure


@dataclass(frozen=True)
class PairMeasure:
    """One measure on all pairs of seeds: its mean with interval, beside the untrained null.

    seeds       numbers of the seeds compared, in the order of `matrix`
    best        the value where all seeds agree: 1 for a similarity, 0 for a distance
    above_null  (raw - null)/(1 - null); None for distances and, like `null`, without untrained
                models
    """

    name: str
    unit: str
    best: float
    seeds: tuple[int, ...]
    matrix: tuple[tuple[float, ...], ...]
    raw: Interval
    null: Interval | None
    above_null: Interval | None


def pair_measure(
    name: str,
    unit: str,
    *,
    best: float,
    seeds: tuple[int, ...],
    matrix: Float[Tensor, "seed seed"],
    null: Float[Tensor, "untrained untrained"] | None = None,
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> PairMeasure:
    """The measure's matrix and null matrix as one result; intervals are clipped to `limits`.

    Raises ValueError on a `best` that is neither 0 nor 1, and unless both hold the same seeds.
    """
    if best not in (0.0, 1.0):
        raise ValueError(f"best: wanted 1 (similarity) or 0 (distance), got {best}")
    if null is not None and matrix.shape != null.shape:
        wanted, got = tuple(matrix.shape), tuple(null.shape)
        raise ValueError(f"null: wanted the same seeds untrained, shape {wanted}, got {got}")
    return PairMeasure(
        name=name,
        unit=unit,
        best=best,
        seeds=seeds,
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        raw=pair_interval(matrix).clipped(*limits),
        null=None if null is None else pair_interval(null).clipped(*limits),
        above_null=None if null is None or best == 0 else above_null(matrix, null),
    )


def above_null(
    raw: Float[Tensor, "seed seed"],
    null: Float[Tensor, "seed seed"],
    *,
    level: float = 0.95,
) -> Interval:
    """(raw - null)/(1 - null) of mean similarities over pairs, jackknife-t; at most 1.

    Negative where the trained are less alike than the untrained; undefined where the untrained
    models agree already.
    """
    estimate, floor = (pair_interval(each).estimate for each in (raw, null))
    if math.isnan(estimate):
        return undefined(math.nan, "one seed has no pairs", level)
    if abs(1 - floor) < LEAST_GAP:
        return undefined(math.nan, "the untrained models agree already", level)
    floors = pair_means_left_out(null)
    left_out = (pair_means_left_out(raw) - floors) / (1 - floors)
    return from_left_out((estimate - floor) / (1 - floor), left_out, level=level).clipped(
        -math.inf, 1.0
    )
