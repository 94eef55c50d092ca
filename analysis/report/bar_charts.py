"""Bars of named numbers with their intervals: variance components, shares, recurrences."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from analysis.report.charts import COLOURS, INK, Figure, specification, thinned, values
from analysis.report.numerals import finite

WIDTH, ROW, LABEL, MOST_BARS = 230, 18, 150, 40
BELOW = "below 0: no sign of it"


def bars(exhibit: Mapping[str, Any]) -> Figure:
    """A `Bars` exhibit: a bar from 0 for each name, a line over its interval.

    A number that can't be below 0 may be estimated there, as components of variance are: of shares
    it is drawn as it is, paler, with words.
    More than `MOST_BARS` are thinned evenly, which is said.
    """
    count = len(exhibit["names"])
    rows = [
        {
            "name": f"{place} {exhibit['names'][place]}",
            "value": finite(exhibit["values"][place]),
            "low": finite(exhibit["low"][place]),
            "high": finite(exhibit["high"][place]),
        }
        for place in thinned(count, MOST_BARS)
    ]
    share = "share" in exhibit["x_title"]
    rows = [{**r, "below": share and r["value"] is not None and r["value"] < 0} for r in rows]
    names = [row["name"] for row in rows]
    label = "slice(datum.label, indexof(datum.label, ' ') + 1)"
    axis = alt.Axis(title=None, labelExpr=label, labelLimit=LABEL, ticks=False, domain=False)
    base = alt.Chart(values(rows)).encode(alt.Y("name:N", sort=names, axis=axis))
    x = alt.X("value:Q", title=exhibit["x_title"], axis=alt.Axis(tickCount=5, format="~g"))
    tooltip = [alt.Tooltip(f"{key}:Q", format=".4~g") for key in ("value", "low", "high")]
    shown = base.mark_bar(color=COLOURS[0], height={"band": 0.62}).encode(
        x,
        opacity=alt.condition("datum.below", alt.value(0.3), alt.value(0.75)),
        tooltip=tooltip,
    )
    known = base.transform_filter("isValid(datum.low) && isValid(datum.high)")
    reach = known.mark_rule(color=INK, strokeWidth=1.4).encode(alt.X("low:Q"), x2="high:Q")
    chart = alt.layer(shown, reach, *_below(base, rows)).properties(
        width=WIDTH, height=alt.Step(ROW)
    )
    caption = f"{len(rows)} of {count} shown, evenly spread" if len(rows) < count else ""
    return Figure(specification(chart), exhibit["title"], caption)


def _below(base: alt.Chart, rows: list[dict[str, Any]]) -> list[alt.Chart]:
    """Words beside the bars of estimates below 0, where there are any."""
    if not any(row["below"] for row in rows):
        return []
    words = base.transform_filter("datum.below").transform_calculate(
        end="isValid(datum.high) ? max(datum.high, 0) : 0"
    )
    text = words.mark_text(align="left", dx=4, fontSize=9, color=INK, text=BELOW)
    return [text.encode(alt.X("end:Q"))]
