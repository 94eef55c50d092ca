"""The level of features: are the same features found again, by every seed?

Dictionaries (decoder, encoder) are matched by cosine in the space they share, activations by
correlation over the same inputs. Signs count (`SIGNED`): a feature and its opposite are two.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from analysis.exhibits import Exhibit, Lines
from analysis.stability.estimates.intervals import Interval, mean_interval
from analysis.stability.features.budget import SECONDS
from analysis.stability.features.families import ACTIVATIONS, DICTIONARIES, Family, Sets
from analysis.stability.features.kinds import Kind, measure_kind
from analysis.stability.features.measures import pair_measures, subspace_measures
from analysis.stability.features.shared import TAU, recurrence, recurrence_histogram
from analysis.stability.level import Figure, Level
from analysis.stability.material import Material
from analysis.stability.nulls import SHUFFLED, UNTRAINED, PairMeasure
from interpretable_arch.maths.spread import evenly

SIGNED = True
MOST_NUMBERS = 2**26  # activations of all seeds held at once: .25 GB a copy
LEAST_INPUTS = 4096  # a correlation over fewer is off by more than .016


def measure_features(material: Material) -> Level | None:
    """PW-MCC, shared fraction at .7, MMCS, mutual neighbours, recurrence, spans, dead features.

    None without dictionaries and activations. A kind that can't be matched is `skipped`, with the
    reason. Takes about forty seconds at most where widths allow (see `features.budget`).
    """
    asked = [(DICTIONARIES, name, sets) for name, sets in material.dictionaries.items()]
    asked += [(ACTIVATIONS, name, sets) for name, sets in material.activations.items()]
    if not asked:
        return None
    if len(material.kept) < 2:
        return Level("features", skipped=("features: one seed, no pair to compare",))
    kinds, skipped = [], []
    thinned = []
    for family, name, sets in asked:
        most = _most_inputs(sets) if family is ACTIVATIONS else None
        if most is not None:
            thinned.append(f"{name}: {most} of {_inputs(sets)} inputs, evenly spread")
            sets = _at_inputs(sets, most)
        try:
            kept, why_not = _heard(material, family, name, sets)
            skipped += why_not
            seconds = SECONDS / len(asked)
            kinds.append(_kind(material, family, name, sets, kept, seconds, most))
        except ValueError as error:
            skipped.append(f"{name}: {error}")
    measures: list[PairMeasure] = []
    for kind in kinds:
        measures += pair_measures(kind, TAU)
        if kind.found.directions:
            spans, why_not = subspace_measures(kind, TAU)
            measures += spans
            skipped += why_not
    return Level(
        "features",
        measures=tuple(measures),
        figures=tuple(figure for kind in kinds for figure in _figures(kind)),
        exhibits=_recurrences(kinds),
        statements=tuple(_statement(kind, measures) for kind in kinds),
        notes=(*thinned, *(note for kind in kinds for note in kind.notes)),
        skipped=tuple(skipped),
    )


def _heard(
    material: Material, family: Family, name: str, sets: Sets
) -> tuple[tuple[int, ...], list[str]]:
    """The kept seeds that have features to match, and why the others have none.

    Raises ValueError where fewer than two have.
    """
    reasons = {n: family.silent(sets[n]) for n in material.kept}
    kept = tuple(n for n, reason in reasons.items() if not reason)
    notes = [f"{name}: {material.names[n]} left out: {why}" for n, why in reasons.items() if why]
    if len(kept) < 2:
        said = "; ".join(why for why in reasons.values() if why)
        raise ValueError(f"wanted two seeds with features to match, got {len(kept)} ({said})")
    return kept, notes


def _kind(
    material: Material,
    family: Family,
    name: str,
    sets: Sets,
    kept: Sequence[int],
    seconds: float,
    most: int | None,
) -> Kind:
    given = {UNTRAINED: material.untrained, SHUFFLED: material.shuffled}
    nulls: dict[str, Sequence[Tensor]] = {}
    for rung, null in given.items():
        held = None if null is None else _of_kind(null, family).get(name)
        if null is not None and held is not None and len(null.kept) > 1:
            held = held if most is None else _at_inputs(held, most)
            heard = [held[n] for n in null.kept if not family.silent(held[n])]
            if len(heard) > 1:
                nulls[rung] = heard
    return measure_kind(name, family, sets, kept, nulls, signed=SIGNED, seconds=seconds)


def _inputs(sets: Sets) -> int:
    return max((len(each) for each in sets), default=0)


def _most_inputs(sets: Sets) -> int | None:
    """How many inputs of activations are held in memory at once; None where all may be."""
    widths = sum(each.shape[1] for each in sets)
    most = max(LEAST_INPUTS, MOST_NUMBERS // max(widths, 1))
    return most if _inputs(sets) > most else None


def _at_inputs(sets: Sets, most: int) -> tuple[Tensor, ...]:
    """Each seed's activations at no more than `most` evenly spread inputs."""
    return tuple(each[evenly(len(each), most)] if len(each) > most else each for each in sets)


def _of_kind(material: Material, family: Family) -> Mapping[str, tuple[Tensor, ...]]:
    return material.dictionaries if family is DICTIONARIES else material.activations


def _figures(kind: Kind) -> tuple[Figure, ...]:
    found = kind.found
    dead = torch.tensor(found.dead, dtype=torch.float64)
    everywhere = [
        float((count == found.seeds - 1).double().mean())
        for count in recurrence(found.pairings, found.widths, TAU)
    ]
    constant = "rows of zeros" if found.directions else "constant on a half of the inputs"
    return (
        Figure(f"{kind.name}: dead features", mean_interval(dead), "a seed", constant),
        Figure(
            f"{kind.name}: features found in every other seed",
            mean_interval(torch.tensor(everywhere, dtype=torch.float64)).clipped(0.0, 1.0),
            "share of features",
            f"matched at {TAU:g} or above in all {found.seeds - 1}",
        ),
    )


def _recurrences(kinds: Sequence[Kind]) -> tuple[Exhibit, ...]:
    """In how many other seeds features come back, kinds of as many seeds in one picture."""
    by_seeds: dict[int, dict[str, tuple[float, ...]]] = {}
    for kind in kinds:
        found = kind.found
        shares = recurrence_histogram(recurrence(found.pairings, found.widths, TAU))
        by_seeds.setdefault(found.seeds, {})[kind.name] = tuple(shares.tolist())
    return tuple(
        Lines(
            title=f"In how many of the {seeds - 1} other seeds a feature is found",
            x=tuple(float(n) for n in range(seeds)),
            y=shares,
            x_title=f"other seeds with a match of {TAU:g} or above",
            y_title="share of features",
        )
        for seeds, shares in by_seeds.items()
    )


def _statement(kind: Kind, measures: Sequence[PairMeasure]) -> str:
    own = {m.name: m for m in measures if m.of == kind.name}
    mean, shared = own["PW-MCC"], own[f"shared at {TAU:g}"]
    floors = ", ".join(f"{r.name} {r.null.estimate:z.2f}" for r in mean.rungs)
    span = own.get("span overlap of unshared")
    stable = ""
    if span is not None:
        stable = f"; what is unshared spans the same by {_short(span.raw)} ({span.unit})"
    dead = sum(kind.found.dead)
    blocked = "" if kind.found.exact else "; matched by blocks, a lower end of the best matching"
    return (
        f"{kind.name}, {kind.found.seeds} seeds: matched features agree by {_short(mean.raw)} "
        f"({kind.score}; {floors}); {_short(shared.raw)} of features are shared at {TAU:g} or "
        f"above{stable}; {dead} of {sum(kind.found.widths)} features are dead{blocked}"
    )


def _short(interval: Interval) -> str:
    if not interval.defined:
        return f"{interval.estimate:z.2f} (no interval)"
    return f"{interval.estimate:z.2f} [{interval.low:z.2f}, {interval.high:z.2f}]"
