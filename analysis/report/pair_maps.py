"""Seed x seed map of any measure over pairs: dark blue where two seeds are alike.

A similarity goes from white, at the least similar pair or null, to 1; a distance from white, at the
farthest pair, to 0. The tree beside it is of the distances, 1 - s for a similarity.
"""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from textwrap import wrap
from typing import Any

import altair as alt
import numpy as np

from analysis.report.charts import Figure, short_seed, specification
from analysis.report.numerals import bounds, counted, finite, numeral
from analysis.report.seed_map import SIDE, seed_map, square
from analysis.report.similarity import LEVEL, NEAR

LETTERS = 38  # of a line over the colours
LEAST_SPAN = 1e-6  # of a colour scale
LONG, LEAST_SHARED = 8, 3  # letters of a name, and of a beginning that is left out


def pair_map(measure: Mapping[str, Any], names: Sequence[str]) -> Figure | None:
    """The map of a `PairMeasure` with its tree; None below two seeds."""
    if len(measure["seeds"]) < 2:
        return None
    shown, best = square(measure["matrix"]), float(measure["best"])
    np.fill_diagonal(shown, best)
    apart = distances(measure)
    known = apart[np.isfinite(apart)]
    title = titled(measure)
    colour = alt.Color(
        "value:Q",
        scale=_scale(measure, shown, best),
        legend=_legend(measure),
    )
    chart, count = seed_map(
        shown,
        apart,
        seed_names(measure, names),
        end=max(float(known.max(initial=0.0)), LEAST_SPAN),
        colour=colour,
        title=str(measure["name"]),
    )
    mean = measure["raw"]
    caption = f"mean over pairs {numeral(mean['estimate'])} {bounds(mean)}, "
    caption += counted(len(shown), "seed")
    caption += f", {count} drawn" if count < len(shown) else ""
    return Figure(specification(chart), title, caption)


def titled(measure: Mapping[str, Any]) -> str:
    """A measure's name and what it was measured on."""
    of = measure.get("of") or ""
    return f"{measure['name']}, {of}" if of else str(measure["name"])


def distances(measure: Mapping[str, Any]) -> np.ndarray:
    """Pairs as distances, at least 0 and 0 on the diagonal: 1 - s for a similarity."""
    entries = square(measure["matrix"])
    apart = np.maximum(1 - entries if measure["best"] else entries, 0.0)
    np.fill_diagonal(apart, 0.0)
    return apart


def seed_names(measure: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """What the seeds of a measure are called on a chart, each once.

    Of long names the beginning that all of them share is left out.
    """
    given = [
        short_seed(names[seed]) if seed < len(names) else str(seed) for seed in measure["seeds"]
    ]
    alike = (len(set(letters)) == 1 for letters in zip(*given, strict=False))
    shared = sum(takewhile(bool, alike)) if max(map(len, given), default=0) > LONG else 0
    called: list[str] = []
    for seed, name in zip(measure["seeds"], given, strict=True):
        short = f"…{name[shared:]}" if shared > LEAST_SHARED else name
        called.append(f"{short} ({seed})" if short in called else short)
    return called


def _legend(measure: Mapping[str, Any]) -> alt.Legend:
    unit = f" ({measure['unit']})" if measure["unit"] else ""
    return alt.Legend(
        title=wrap(f"{measure['name']}{unit}", LETTERS),
        orient="bottom",
        gradientLength=SIDE,
        gradientThickness=8,
        titleFontWeight="normal",
        titleLimit=SIDE,
        tickCount=4,
        padding=7,  # the first tick is written about the left end
        offset=4,
    )


def _scale(measure: Mapping[str, Any], shown: np.ndarray, best: float) -> alt.Scale:
    """Colours from the farthest of pairs and nulls to where all agree."""
    entries = [float(number) for number in shown[np.isfinite(shown)]]
    if best:
        nulls = [finite(rung["null"]["estimate"]) for rung in measure["rungs"]]
        least = min([*entries, *(null for null in nulls if null is not None)])
        domain, ends = [least if best - least > LEAST_SPAN else 0.0, best], [LEVEL, NEAR]
    else:
        most = max(entries)
        domain, ends = [0.0, most if most > LEAST_SPAN else 1.0], [NEAR, LEVEL]
    return alt.Scale(domain=domain, range=ends, clamp=True, interpolate="rgb")
