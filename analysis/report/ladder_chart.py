"""The null ladder as a picture: each similarity with its interval, its nulls as marks on one axis.

A similarity that stands no farther right than its nulls says nothing of the seeds. Nulls are told
apart by shape as well as by colour.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from analysis.report.charts import COLOURS, INK, Figure, specification, values
from analysis.report.numerals import finite
from analysis.stability.nulls import PERMUTED, RANDOM, ROTATED, SHUFFLED, UNTRAINED

WIDTH, ROW, LABEL, MOST_MEASURES = 300, 32, 205, 30
SEEDS = "the seeds"
KNOWN = (UNTRAINED, SHUFFLED, PERMUTED, ROTATED, RANDOM)
SHAPES = ("triangle-up", "square", "cross", "diamond", "triangle-down", "stroke", "triangle-right")


def null_ladder(measures: Sequence[Mapping[str, Any]]) -> Figure | None:
    """The similarities among `measures` that have nulls, a row each; None where there are none."""
    asked = [m for m in measures if m["best"] and m["rungs"]]
    asked = [m for m in asked if finite(m["raw"]["estimate"]) is not None]
    if not asked:
        return None
    shown = asked[:MOST_MEASURES]
    rows = [row for place, measure in enumerate(shown) for row in _rows(place, measure)]
    kinds = [SEEDS, *_rungs(shown)]
    low = min([0.0, *(row[end] for row in rows for end in ("value", "low"))])
    chart = _chart(rows, [_key(p, m) for p, m in enumerate(shown)], kinds, low)
    caption = "mean over pairs with its interval; the farther right of its nulls, the more it says"
    caption += f"; {len(shown)} of {len(asked)} measures" if len(shown) < len(asked) else ""
    return Figure(specification(chart), "Null ladder", caption)


def _rungs(measures: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of nulls, the known ones in their order."""
    given = dict.fromkeys(str(rung["name"]) for m in measures for rung in m["rungs"])
    return [*(name for name in KNOWN if name in given), *(n for n in given if n not in KNOWN)]


def _key(place: int, measure: Mapping[str, Any]) -> str:
    """Its name over what it is of; the place, cut from the label, parts two of one name."""
    return f"{place} {measure['name']}\n{measure.get('of') or ''}".rstrip("\n")


def _rows(place: int, measure: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = [(SEEDS, measure["raw"])]
    given += [(str(rung["name"]), rung["null"]) for rung in measure["rungs"]]
    return [
        {
            "measure": _key(place, measure),
            "kind": kind,
            "value": round(value, 5),
            **{end: _end(interval[end], value) for end in ("low", "high")},
        }
        for kind, interval in given
        if (value := finite(interval["estimate"])) is not None
    ]


def _end(end: Any, value: float) -> float:
    known = finite(end)
    return round(value if known is None else known, 5)


def _chart(rows: list[dict[str, Any]], keys: list[str], kinds: list[str], low: float) -> Any:
    label = "split(slice(datum.label, indexof(datum.label, ' ') + 1), '\\n')"
    y = alt.Y(
        "measure:N",
        sort=keys,
        axis=alt.Axis(title=None, labelExpr=label, labelLimit=LABEL, ticks=False, grid=True),
    )
    x_title = "similarity, 1 where all seeds agree"
    scale = alt.Scale(domain=[low, 1], nice=low < 0, clamp=True)
    x = alt.X("value:Q", scale=scale, title=x_title, axis=alt.Axis(tickCount=5))
    inks = [INK, *(COLOURS[place % len(COLOURS)] for place in range(len(kinds) - 1))]
    forms = ["circle", *(SHAPES[place % len(SHAPES)] for place in range(len(kinds) - 1))]
    legend = alt.Legend(title=None, orient="bottom", columns=2, labelLimit=WIDTH // 2)
    colour = alt.Color(
        "kind:N", sort=kinds, scale=alt.Scale(domain=kinds, range=inks), legend=legend
    )
    shape = alt.Shape(
        "kind:N", sort=kinds, scale=alt.Scale(domain=kinds, range=forms), legend=legend
    )
    number = {name: alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high")}
    tooltip = ["kind:N", number["value"], number["low"], number["high"]]
    base = alt.Chart(values(rows)).encode(y)
    rule = base.mark_rule(strokeWidth=1.6).encode(alt.X("low:Q", scale=scale), colour, x2="high:Q")
    dots = base.mark_point(filled=True, size=58, opacity=1).encode(
        x, colour, shape, tooltip=tooltip
    )
    # A null that coincides with the seeds' mean stays in sight inside this ring.
    own = base.transform_filter(alt.datum.kind == SEEDS)
    ring = own.mark_point(filled=False, size=150, strokeWidth=1.8, color=INK, shape="circle")
    return alt.layer(rule, dots, ring.encode(x, tooltip=tooltip)).properties(
        width=WIDTH, height=alt.Step(ROW)
    )
