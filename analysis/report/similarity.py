"""Seed x seed map of one architecture: how differently two seeds answer, ordered by clustering.

Rows and columns are seeds in the order of the leaves of the tree at the left (complete linkage of
the same distances). Blue is nearer than the threshold of a solution class, orange farther, and
white lies at the threshold, so a class is a blue square on the diagonal.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from analysis.report.charts import (
    MOST_ROWS,
    MUTED,
    Figure,
    short_seed,
    specification,
    thinned,
    values,
)
from analysis.report.numerals import counted, finite

SIDE, TREE = 236, 48
NEAR, LEVEL, FAR, ABSENT = "#2166ac", "#f7f7f5", "#b35806", "#d5d8dc"
MOST_SEEDS = int(MOST_ROWS**0.5)


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
    distances = _matrix(divergence["matrix"])
    tree, order = _tree(distances)
    shown = [order[place] for place in thinned(len(order), MOST_SEEDS)]
    names = [short_seed(cell["seeds"][place]) for place in divergence["seeds"]]
    heat = _heat(distances, shown, names, cell["stability"]["threshold"], end)
    if tree is None or len(shown) < len(order):
        chart = heat
    else:
        chart = alt.hconcat(_branches(tree, end, len(order)), heat, spacing=2)
    caption = counted(len(order), "seed")
    missing = len(cell["seeds"]) - len(order)
    caption += f", {missing} diverged and left out" if missing else ""
    caption += f", {len(shown)} drawn" if len(shown) < len(order) else ""
    return Figure(specification(chart), cell["architecture"], caption, colour)


def _matrix(rows: Sequence[Sequence[Any]]) -> np.ndarray:
    entries = [[np.nan if finite(entry) is None else float(entry) for entry in row] for row in rows]
    return np.array(entries, dtype=float).reshape(len(rows), len(rows))


def _tree(distances: np.ndarray) -> tuple[dict[str, Any] | None, list[int]]:
    """Branches and leaf order by complete linkage; seeds without outputs last, outside it."""
    whole = [place for place in range(len(distances)) if np.isfinite(distances[place]).sum() > 1]
    outside = [place for place in range(len(distances)) if place not in set(whole)]
    kept = distances[np.ix_(whole, whole)]
    if len(whole) < 2 or not np.isfinite(kept).all():
        return None, whole + outside
    condensed = squareform((kept + kept.T) / 2, checks=False)
    tree = dendrogram(linkage(condensed, "complete", optimal_ordering=True), no_plot=True)
    return tree, [whole[leaf] for leaf in tree["leaves"]] + outside


def _branches(tree: dict[str, Any], end: float, count: int) -> alt.Chart:
    """The tree, drawn from right (distance 0) to left; its leaves are 10 apart, the first at 5."""
    links = zip(tree["dcoord"], tree["icoord"], strict=True)
    rows = [
        {
            "link": link,
            "step": [0, 1, 2, 3],
            "height": [round(height, 4) for height in heights],
            "leaf": [leaf / 10 for leaf in leaves],
        }
        for link, (heights, leaves) in enumerate(links)
    ]
    return (
        alt.Chart(values(rows))
        .transform_flatten(["step", "height", "leaf"])
        .mark_line(strokeWidth=0.8, color=MUTED, strokeJoin="miter")
        .encode(
            alt.X("height:Q", scale=alt.Scale(domain=[end, 0], nice=False), axis=None),
            alt.Y("leaf:Q", scale=alt.Scale(domain=[count, 0], nice=False), axis=None),
            alt.Detail("link:N"),
            alt.Order("step:Q"),
        )
        .properties(width=TREE, height=SIDE)
    )


def _heat(
    distances: np.ndarray, order: list[int], seeds: Sequence[str], threshold: float, end: float
) -> alt.LayerChart | alt.FacetChart:
    names = [seeds[place] for place in order]
    rows = [
        {
            "seed": names[row],
            "other": names,
            "distance": [_entry(distances[place, other]) for other in order],
        }
        for row, place in enumerate(order)
    ]
    labels = alt.Axis(
        labels=len(names) <= 25,
        title=None,
        ticks=False,
        domain=False,
        labelFontSize=8,
        orient="right",
    )
    bottom = alt.Axis(
        labels=len(names) <= 25,
        title=None,
        ticks=False,
        domain=False,
        labelFontSize=8,
        labelAngle=0,
    )
    drawn = alt.Chart().transform_flatten(["other", "distance"])
    place = {
        "x": alt.X("other:N", sort=names, axis=bottom, scale=alt.Scale(padding=0)),
        "y": alt.Y("seed:N", sort=names, axis=labels, scale=alt.Scale(padding=0)),
    }
    colour = alt.Color(
        "distance:Q",
        scale=alt.Scale(
            domain=[0, threshold, end], range=[NEAR, LEVEL, FAR], clamp=True, interpolate="rgb"
        ),
        legend=None,
    )
    tooltip = ["seed:N", "other:N", alt.Tooltip("distance:Q", format=".3f")]
    known = drawn.transform_filter("isValid(datum.distance)").mark_rect()
    absent = drawn.transform_filter("!isValid(datum.distance)").mark_rect(color=ABSENT)
    return alt.layer(
        absent.encode(**place, tooltip=["seed:N", "other:N"]),
        known.encode(**place, color=colour, tooltip=tooltip),
        data=values(rows),
    ).properties(width=SIDE, height=SIDE)


def _entry(distance: float) -> float | None:
    number = finite(distance)
    return None if number is None else round(number, 4)
