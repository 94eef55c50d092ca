"""A seed x seed map beside its tree: rows and columns in the order of the leaves.

The tree is by complete linkage of the same distances; a seed without all of its distances stands
last, outside it.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from analysis.report.charts import MOST_ROWS, MUTED, thinned, values
from analysis.report.numerals import finite

SIDE, TREE = 236, 48
ABSENT = "#d5d8dc"
MOST_SEEDS = int(MOST_ROWS**0.5)
NAMED, SHORT, WIDEST = 25, 4, 80  # seeds with labels; letters that stand level; pixels of a label


def square(rows: Sequence[Sequence[Any]]) -> np.ndarray:
    """The matrix of a report's JSON, NaN where it holds no finite number."""
    entries = [[np.nan if finite(entry) is None else float(entry) for entry in row] for row in rows]
    return np.array(entries, dtype=float).reshape(len(rows), len(rows))


def tree_of(distances: np.ndarray) -> tuple[dict[str, Any] | None, list[int]]:
    """Branches and leaf order by complete linkage; seeds without outputs last, outside it."""
    whole = [place for place in range(len(distances)) if np.isfinite(distances[place]).sum() > 1]
    outside = [place for place in range(len(distances)) if place not in set(whole)]
    kept = distances[np.ix_(whole, whole)]
    if len(whole) < 2 or not np.isfinite(kept).all():
        return None, whole + outside
    condensed = squareform((kept + kept.T) / 2, checks=False)
    tree = dendrogram(linkage(condensed, "complete", optimal_ordering=True), no_plot=True)
    return tree, [whole[leaf] for leaf in tree["leaves"]] + outside


def seed_map(
    shown: np.ndarray,
    distances: np.ndarray,
    names: Sequence[str],
    *,
    end: float,
    colour: alt.Color,
    title: str,
) -> tuple[Any, int]:
    """The map of `shown`, ordered by `distances`, and how many seeds are drawn.

    `colour` encodes the field `value`; `end` is the farthest distance of the tree's axis. The tree
    is left out where more than `MOST_SEEDS` seeds are thinned, or where a distance is missing.
    """
    tree, order = tree_of(distances)
    kept = [order[place] for place in thinned(len(order), MOST_SEEDS)]
    heat = _heat(shown, kept, names, colour, title)
    if tree is None or len(kept) < len(order):
        return heat, len(kept)
    return alt.hconcat(_branches(tree, end, len(order)), heat, spacing=2), len(kept)


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
    shown: np.ndarray, order: list[int], seeds: Sequence[str], colour: alt.Color, title: str
) -> alt.LayerChart | alt.FacetChart:
    names = [seeds[place] for place in order]
    rows = [
        {
            "seed": names[row],
            "other": names,
            "value": [_entry(shown[place, other]) for other in order],
        }
        for row, place in enumerate(order)
    ]
    drawn = alt.Chart().transform_flatten(["other", "value"])
    level = max(map(len, names), default=0) <= SHORT
    place = {
        "x": _axis(alt.X, "other", names, labelAngle=0 if level else -60),
        "y": _axis(alt.Y, "seed", names, orient="right"),
    }
    tooltip = ["seed:N", "other:N", alt.Tooltip("value:Q", format=".3f", title=title)]
    known = drawn.transform_filter("isValid(datum.value)").mark_rect()
    absent = drawn.transform_filter("!isValid(datum.value)").mark_rect(color=ABSENT)
    return alt.layer(
        absent.encode(**place, tooltip=["seed:N", "other:N"]),
        known.encode(**place, color=colour, tooltip=tooltip),
        data=values(rows),
    ).properties(width=SIDE, height=SIDE)


def _axis(channel: Any, field: str, names: list[str], **kind: Any) -> Any:
    axis = alt.Axis(
        labels=len(names) <= NAMED,
        title=None,
        ticks=False,
        domain=False,
        labelFontSize=8,
        labelLimit=WIDEST,
        labelOverlap=False,
        **kind,
    )
    return channel(f"{field}:N", sort=names, axis=axis, scale=alt.Scale(padding=0))


def _entry(number: float) -> float | None:
    known = finite(number)
    return None if known is None else round(known, 4)
