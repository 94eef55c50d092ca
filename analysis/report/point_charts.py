"""Charts of points in the plane: a curved space as a disc, a sphere or the plane itself."""

import math
from collections.abc import Mapping
from typing import Any

import altair as alt

from analysis.report.charts import COLOURS, INK, MUTED, Figure, specification, thinned, values
from analysis.report.numerals import finite

SIZE, MOST_POINTS, MOST_PATHS, NAMED = 320, 500, 300, 40
MARGIN = 1.08


def points(exhibit: Mapping[str, Any]) -> Figure:
    """Points, with their names where they are few, over the paths between them.

    Equal units both ways. More than `MOST_POINTS` points or `MOST_PATHS` paths are thinned evenly.
    """
    scales = _scales(exhibit)
    layers = [_paths(exhibit, scales)]
    if exhibit["round"]:
        layers.insert(0, _circle(scales))
    behind = exhibit["behind"] or [False] * len(exhibit["names"])
    rows = [
        {
            "x": finite(exhibit["x"][i]),
            "y": finite(exhibit["y"][i]),
            "name": exhibit["names"][i],
            "side": "behind" if behind[i] else "in front",
        }
        for i in thinned(len(exhibit["names"]), MOST_POINTS)
    ]
    base = alt.Chart(values(rows)).encode(*scales)
    sides = alt.Scale(domain=["in front", "behind"], range=[COLOURS[0], "#a9c6da"])
    layers.append(
        base.mark_circle(size=42, opacity=1).encode(
            alt.Color("side:N", scale=sides, legend=None), tooltip=["name:N", "x:Q", "y:Q"]
        )
    )
    if len(rows) <= NAMED:
        named = base.mark_text(dx=6, dy=-6, fontSize=9, color=INK).encode(text="name:N")
        layers.append(named)
    chart = alt.layer(*layers).properties(width=SIZE, height=SIZE)
    return Figure(specification(chart), exhibit["title"])


def _scales(exhibit: Mapping[str, Any]) -> tuple[alt.X, alt.Y]:
    """A square that holds all points, or the unit circle."""
    xs, ys = ([v for v in exhibit[k] if finite(v) is not None] or [0.0] for k in ("x", "y"))
    if exhibit["round"]:
        middle, half = (0.0, 0.0), 1.0
    else:
        middle = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
        half = max(max(xs) - min(xs), max(ys) - min(ys)) / 2 or 1.0

    def domain(centre: float) -> alt.Scale:
        return alt.Scale(domain=[centre - MARGIN * half, centre + MARGIN * half], nice=False)

    return (
        alt.X("x:Q", scale=domain(middle[0]), axis=None),
        alt.Y("y:Q", scale=domain(middle[1]), axis=None),
    )


def _paths(exhibit: Mapping[str, Any], scales: tuple[alt.X, alt.Y]) -> alt.Chart:
    rows = [
        {"x": finite(x), "y": finite(y), "path": n, "step": step}
        for n in thinned(len(exhibit["paths"]), MOST_PATHS)
        for step, (x, y) in enumerate(exhibit["paths"][n])
    ]
    line = alt.Chart(values(rows)).mark_line(strokeWidth=1, color=MUTED, opacity=0.7, clip=True)
    return line.encode(*scales, detail="path:N", order="step:Q")


def _circle(scales: tuple[alt.X, alt.Y]) -> alt.Chart:
    turns = [2 * math.pi * k / 120 for k in range(121)]
    rows = [{"x": math.cos(a), "y": math.sin(a), "step": k} for k, a in enumerate(turns)]
    line = alt.Chart(values(rows)).mark_line(strokeWidth=1, color="#c4c9cf")
    return line.encode(*scales, order="step:Q")
