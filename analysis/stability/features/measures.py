"""A kind of feature as measures over pairs of seeds, each beside its null ladder."""

from collections.abc import Callable
from functools import partial

from jaxtyping import Float
from torch import Tensor

from analysis.stability.features.families import Matched
from analysis.stability.features.kinds import Kind
from analysis.stability.features.pairing import matrix, pwmcc
from analysis.stability.features.shared import mmcs, mutual_nearest, shared_fraction
from analysis.stability.features.subspaces import overlap, unshared
from analysis.stability.nulls import PairMeasure, pair_measure

Number = Callable[[Matched], Float[Tensor, "seed seed"]]


def pair_measures(kind: Kind, tau: float) -> tuple[PairMeasure, ...]:
    """PW-MCC, shared fraction, MMCS and mutual nearest neighbours over all pairs of seeds."""
    least = -1.0 if kind.signed else 0.0
    score, features = kind.score, "share of features"
    asked: tuple[tuple[str, str, float, Number], ...] = (
        ("PW-MCC", score, least, lambda m: pwmcc(m.pairings, m.seeds)),
        (
            f"shared at {tau:g}",
            features,
            0.0,
            lambda m: shared_fraction(m.pairings, m.seeds, tau),
        ),
        ("MMCS", score, least, lambda m: mmcs(m.pairings, m.seeds)),
        ("mutual nearest neighbours", features, 0.0, lambda m: mutual_nearest(m.pairings, m.seeds)),
    )
    return tuple(_measure(kind, *each) for each in asked)


def subspace_measures(kind: Kind, tau: float) -> tuple[tuple[PairMeasure, ...], tuple[str, ...]]:
    """Overlap of the leading quarter of dimensions, of all features and of those not shared.

    Random rows of the same covariance span the same by their making; rotated bases do not. Beside
    the measures stands what could not be measured, and why.
    """
    d = kind.found.directions[0].rows.shape[1]
    rank = max(1, d // 4)
    measures, notes = [], []
    for name, number in (
        ("span overlap", partial(_overlaps, rank=rank)),
        ("span overlap of unshared", partial(_unshared_overlaps, rank=rank, tau=tau)),
    ):
        unit = f"share of {rank} of {d} dimensions"
        try:
            measures.append(_measure(kind, name, unit, 0.0, number))
        except ValueError as error:
            notes.append(f"{kind.name}, {name}: {error}")
    return tuple(measures), tuple(notes)


def _measure(kind: Kind, name: str, unit: str, least: float, number: Number) -> PairMeasure:
    nulls = {}
    for rung, null in kind.nulls.items():
        try:
            nulls[rung] = number(null)
        except ValueError:  # of a null, some measures have no value: the rung is left out
            continue
    return pair_measure(
        name,
        unit,
        best=1.0,
        seeds=kind.seeds,
        matrix=number(kind.found),
        nulls=nulls,
        limits=(least, 1.0),
        of=kind.name,
    )


def _overlaps(found: Matched, rank: int) -> Float[Tensor, "seed seed"]:
    rows = [each.rows for each in found.directions]
    return matrix(found.pairings, found.seeds, lambda p: overlap(rows[p.a], rows[p.b], rank))


def _unshared_overlaps(found: Matched, rank: int, tau: float) -> Float[Tensor, "seed seed"]:
    every = [
        unshared(p, (found.directions[p.a], found.directions[p.b]), tau) for p in found.pairings
    ]
    least = min((min(len(x), len(y)) for x, y in every), default=0)
    if least < rank:
        raise ValueError(f"wanted {rank} unshared features of every seed, got {least}")
    values = [overlap(x, y, rank) for x, y in every]
    by_pair = {(p.a, p.b): v for p, v in zip(found.pairings, values, strict=True)}
    return matrix(found.pairings, found.seeds, lambda p: by_pair[p.a, p.b])
