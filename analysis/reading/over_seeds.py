"""The same reading of every seed: each figure with its interval, one seed's exhibits to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from analysis.reading.finding import Finding
from analysis.stability.estimates.intervals import Interval, mean_interval, undefined


@dataclass(frozen=True)
class FigureOverSeeds:
    """A named figure: its value in each seed (None: not read there), and its mean."""

    name: str
    values: tuple[float | None, ...]
    mean: Interval

    def to_mapping(self) -> dict[str, Any]:
        return {"name": self.name, "values": list(self.values), "mean": self.mean.to_mapping()}


@dataclass(frozen=True)
class FindingOverSeeds:
    """One kind of finding; `shown` is the first seed's that has it, and `seed` says which."""

    title: str
    figures: tuple[FigureOverSeeds, ...]
    seed: str
    shown: Finding

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "title": self.title,
            "figures": [f.to_mapping() for f in self.figures],
            "seed": self.seed,
            "shown": self.shown.to_mapping(),
        }


def over_seeds(
    seeds: Sequence[str], found: Sequence[Mapping[str, Finding]], among: Sequence[int] | None = None
) -> tuple[FindingOverSeeds, ...]:
    """One entry for each title, in order; `found` holds each seed's findings by title.

    Intervals are over the seeds in which the figure is finite, of those at the places `among` where
    not all are independent; with fewer than two there is none.
    """
    places = range(len(seeds)) if among is None else among
    titles = dict.fromkeys(title for findings in found for title in findings)
    return tuple(_one(title, seeds, [f.get(title) for f in found], places) for title in titles)


def _one(
    title: str, seeds: Sequence[str], found: Sequence[Finding | None], places: Sequence[int]
) -> FindingOverSeeds:
    names = dict.fromkeys(name for f in found if f is not None for name in f.figures)
    figures = tuple(_figure(name, found, places) for name in names)
    first, shown = next((s, f) for s, f in zip(seeds, found, strict=True) if f is not None)
    return FindingOverSeeds(title, figures, first, shown)


def _figure(name: str, found: Sequence[Finding | None], places: Sequence[int]) -> FigureOverSeeds:
    values = tuple(None if f is None else f.figures.get(name) for f in found)
    chosen = [values[place] for place in places]
    known = torch.tensor([v for v in chosen if v is not None], dtype=torch.float64)
    finite = known[known.isfinite()]
    if not len(finite):
        return FigureOverSeeds(name, values, undefined(float("nan"), "no seed has a finite value"))
    return FigureOverSeeds(name, values, mean_interval(finite))
