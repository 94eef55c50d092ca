"""What the seeds of one architecture hold of a group: dots over each irreducible or class."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from analysis.report.charts import INK, MOST_ROWS, Figure, specification, thinned, values
from analysis.report.numerals import finite

HEIGHT, COLUMN, LEAST, MOST = 170, 34, 150, 320


def multiplicities(readings: Mapping[str, Mapping[str, Any]], colour: str) -> Figure:
    """How often each irreducible is held, by seed; marks show the copies of the first exact sum."""
    rows = [
        {"seed": seed, "irreducible": part["name"], "copies": _short(part["value"])}
        for seed, reading in readings.items()
        for part in reading["multiplicities"]
    ]
    whole = next((found for found in readings.values() if found["irreducibles"]), None)
    marks = [
        {"irreducible": part["name"], "copies": part["copies"]}
        for part in (whole["multiplicities"] if whole else ())
    ]
    chart = _strip(rows, "irreducible", "copies", "copies", colour, marks)
    return Figure(specification(chart), "Copies", "of each irreducible")


def characters(readings: Mapping[str, Mapping[str, Any]], colour: str) -> Figure:
    """The character (its real part) by seed, on each conjugacy class but the identity's.

    On the identity it is the dimension, which would leave the other classes no room.
    """
    rows = [
        {"seed": seed, "class": part["representative"], "character": _short(part["real"])}
        for seed, reading in readings.items()
        for part in reading["characters"][1:]
    ]
    chart = _strip(rows, "class", "character", "character (real part)", colour, [])
    return Figure(specification(chart), "Character", "off the identity")


def shares(readings: Mapping[str, Mapping[str, Any]], colour: str) -> Figure:
    """The share of each irreducible in a model's logits, by seed."""
    rows = [
        {"seed": seed, "irreducible": name, "share": _short(share)}
        for seed, reading in readings.items()
        for name, share in zip(reading["names"], reading["shares"], strict=True)
    ]
    chart = _strip(rows, "irreducible", "share", "share of the logits", colour, [])
    return Figure(specification(chart), "Share", "of each irreducible")


def _strip(
    rows: list[dict[str, Any]],
    column: str,
    value: str,
    title: str,
    colour: str,
    marks: Sequence[Mapping[str, Any]],
) -> alt.LayerChart | alt.FacetChart:
    rows = [rows[place] for place in thinned(len(rows), MOST_ROWS)]
    names = list(dict.fromkeys(row[column] for row in rows))
    columns = alt.X(
        f"{column}:N",
        sort=names,
        title=None,
        axis=alt.Axis(
            labelAngle=-40 if max(map(len, names), default=0) > 4 else 0,
            labelOverlap=len(names) > 20,
            grid=False,
        ),
    )
    height = alt.Y(
        f"{value}:Q",
        title=title,
        axis=alt.Axis(tickCount=5, tickMinStep=1 if value == "copies" else 0),
    )
    dots = (
        alt.Chart(values(rows))
        .mark_point(filled=True, size=26, opacity=0.45, color=colour)
        .encode(columns, height, tooltip=["seed:N", f"{column}:N", f"{value}:Q"])
    )
    layers = [dots]
    if marks:
        ticks = alt.Chart(values([dict(mark) for mark in marks])).mark_tick(
            color=INK, thickness=1.5, size=18
        )
        layers = [ticks.encode(columns, height), dots]
    width = min(MOST, max(LEAST, COLUMN * len(names)))
    return alt.layer(*layers).properties(width=width, height=HEIGHT)


def _short(number: Any) -> float | None:
    known = finite(number)
    return None if known is None else float(f"{known:.5g}")
