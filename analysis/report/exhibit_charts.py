"""Charts of what a reading shows: curves over a common axis, and maps of a matrix."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from analysis.report.charts import COLOURS, MOST_ROWS, Figure, specification, thinned, values
from analysis.report.numerals import finite

WIDTH, HEIGHT, LEAST_CELL, MOST_CELL = 320, 200, 6, 26
NEGATIVE, MIDDLE, POSITIVE, FULL = "#0072b2", "#ffffff", "#d55e00", "#1f2328"


def lines(exhibit: Mapping[str, Any]) -> Figure:
    """Curves by name, at most `MOST_ROWS` points in all, evenly thinned."""
    names = list(exhibit["y"])
    places = thinned(len(exhibit["x"]), MOST_ROWS // max(1, len(names)))
    rows = [
        {"x": finite(exhibit["x"][p]), "y": finite(ys[p]), "curve": name}
        for name, ys in exhibit["y"].items()
        for p in places
    ]
    chart = (
        alt.Chart(values(rows))
        .mark_line(strokeWidth=1.8)
        .encode(
            alt.X("x:Q", title=exhibit["x_title"], scale=alt.Scale(nice=False, zero=False)),
            alt.Y("y:Q", title=exhibit["y_title"], scale=alt.Scale(zero=False)),
            alt.Color(
                "curve:N",
                sort=names,
                scale=alt.Scale(domain=names, range=[COLOURS[i % 8] for i in range(len(names))]),
                legend=alt.Legend(title=None, orient="bottom") if len(names) > 1 else None,
            ),
            tooltip=["curve:N", "x:Q", "y:Q"],
        )
        .properties(width=WIDTH, height=HEIGHT)
    )
    return Figure(specification(chart), exhibit["title"])


def heatmap(exhibit: Mapping[str, Any]) -> Figure:
    """A matrix with named rows and columns; signed values diverge about zero.

    A matrix of more than `MOST_ROWS` entries shows evenly spread rows and columns.
    """
    least = max(1, int(MOST_ROWS**0.5))
    rows = thinned(len(exhibit["rows"]), max(least, MOST_ROWS // max(1, len(exhibit["columns"]))))
    columns = thinned(len(exhibit["columns"]), MOST_ROWS // max(1, len(rows)))
    data = [
        {
            "i": f"{i} {exhibit['rows'][i]}",
            "j": f"{j} {exhibit['columns'][j]}",
            "row": exhibit["rows"][i],
            "column": exhibit["columns"][j],
            "value": finite(exhibit["values"][i][j]),
        }
        for i in rows
        for j in columns
    ]
    size = max((abs(d["value"]) for d in data if d["value"] is not None), default=1.0) or 1.0
    ends = [-size, 0, size] if exhibit["signed"] else [0, size]
    inks = [NEGATIVE, MIDDLE, POSITIVE] if exhibit["signed"] else [MIDDLE, FULL]
    cell = min(MOST_CELL, max(LEAST_CELL, WIDTH // max(len(rows), len(columns), 1)))
    chart = (
        alt.Chart(values(data))
        .mark_rect()
        .encode(
            _axis(alt.X, "j", [f"{j} {exhibit['columns'][j]}" for j in columns]),
            _axis(alt.Y, "i", [f"{i} {exhibit['rows'][i]}" for i in rows]),
            alt.Color("value:Q", scale=alt.Scale(domain=ends, range=inks), legend=None),
            tooltip=["row:N", "column:N", "value:Q"],
        )
        .properties(width=cell * len(columns), height=cell * len(rows))
    )
    return Figure(specification(chart), exhibit["title"], f"colour ends at {size:.3g}")


def _axis(channel: Any, field: str, names: list[str]) -> Any:
    """Names may repeat, so that places are the values and only what follows them is shown."""
    label = "slice(datum.label, indexof(datum.label, ' ') + 1)"
    axis = alt.Axis(title=None, labelExpr=label, labelAngle=0 if channel is alt.Y else -60)
    return channel(f"{field}:N", sort=names, axis=axis)
