"""Seed x seed map of one architecture: how differently two seeds answer, ordered by clustering.

Blue is nearer than the threshold of a solution class, orange farther, and white lies at the
threshold, so a class is a blue square on the diagonal.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from analysis.report.charts import Figure, short_seed, specification
from analysis.report.numerals import counted, finite
from analysis.report.seed_map import seed_map, square

NEAR, LEVEL, FAR = "#2166ac", "#f7f7f5", "#b35806"


def farthest(cells: Sequence[Mapping[str, Any]]) -> float:
    """The end of the colour scale: the largest distance, at least twice the threshold."""
    ends = [2 * cell["stability"]["threshold"] for cell in cells]
    for cell in cells:
        divergence = cell["stability"]["divergence"]
        rows = divergence["matrix"] if divergence else []
        ends += [number for row in rows for number in map(finite, row) if number is not None]
    return max(ends, default=1.0)


def similarity_map(cell: Mapping[str, Any], end: float, colour: str) -> Figure | None:
    """Heat map of the distances between a cell's seeds beside their tree; None below two."""
    divergence = cell["stability"]["divergence"]
    if divergence is None or len(divergence["seeds"]) < 2:
        return None
    distances = square(divergence["matrix"])
    compared = cell.get("compared", cell["seeds"])
    names = [short_seed(compared[place]) for place in divergence["seeds"]]
    scale = alt.Scale(
        domain=[0, cell["stability"]["threshold"], end],
        range=[NEAR, LEVEL, FAR],
        clamp=True,
        interpolate="rgb",
    )
    shade = alt.Color("value:Q", scale=scale, legend=None)
    chart, drawn = seed_map(distances, distances, names, end=end, colour=shade, title="distance")
    caption = counted(len(distances), "seed")
    missing = len(compared) - len(distances)
    caption += f", {missing} diverged and left out" if missing else ""
    caption += f", {drawn} drawn" if drawn < len(distances) else ""
    return Figure(specification(chart), cell["architecture"], caption, colour)
