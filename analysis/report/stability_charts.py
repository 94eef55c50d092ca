"""Architectures of one task side by side: entropy against threshold, loss against stability.

The entropy is a staircase, solid where the seeds resolve it and dotted, at its lower bound, where
they do not. In the second chart the lower left corner is good: low loss, one solution.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import altair as alt

from analysis.report.charts import (
    LOGARITHMIC_SPAN,
    MOST_ROWS,
    MUTED,
    Figure,
    decades,
    powers_of_ten,
    specification,
    thinned,
    values,
)
from analysis.report.numerals import finite

WIDTH, HEIGHT = 400, 240

Cell = Mapping[str, Any]


def entropy_against_threshold(
    cells: Sequence[Cell], threshold: float, colours: Mapping[str, str]
) -> Figure:
    """Bits of solution-class entropy as the class threshold moves; a line marks the one in use."""
    end = 1.06 * max([2 * threshold, *(_last(cell) for cell in cells)])
    rows = [row for cell in cells for row in _staircase(cell, end, MOST_ROWS // len(cells))]
    used = alt.Chart(values([{"threshold": threshold}])).mark_rule(
        color=MUTED, strokeDash=[4, 3], strokeWidth=1
    )
    lines = (
        alt.Chart(values(rows))
        .transform_flatten(["threshold", "bits", "classes"])
        .mark_line(interpolate="step-after", strokeWidth=1.8)
    )
    chart = alt.layer(
        used.encode(alt.X("threshold:Q")),
        lines.encode(
            alt.X(
                "threshold:Q",
                scale=alt.Scale(domain=[0, end], nice=False),
                title="class threshold (distance between seeds)",
                axis=alt.Axis(grid=False, tickCount=6),
            ),
            alt.Y("bits:Q", title="entropy (bits)", scale=alt.Scale(domainMin=0, nice=True)),
            _coloured(cells, colours),
            alt.Detail("piece:N"),
            strokeDash=alt.StrokeDash(
                "resolved:N",
                scale=alt.Scale(domain=[True, False], range=[[1, 0], [2, 3]]),
                legend=None,
            ),
            tooltip=[
                "architecture:N",
                "classes:Q",
                alt.Tooltip("threshold:Q", format=".3f"),
                alt.Tooltip("bits:Q", format=".2f"),
            ],
        ),
    ).properties(width=WIDTH, height=HEIGHT)
    caption = "dashed: the threshold in use; dotted: a lower bound"
    return Figure(specification(chart), "Entropy", caption)


def loss_against_stability(cells: Sequence[Cell], colours: Mapping[str, str]) -> Figure:
    """Each architecture as a point: how much it lost, and the chance that two of its seeds differ.

    Losses of different units can't be compared: the held-out error rate stands in for them.
    """
    units = {cell["unit"] for cell in cells}
    by_loss = len(units) == 1
    rows = [row for cell in cells if (row := _point(cell, by_loss)) is not None]
    ends = [row[end] for row in rows for end in ("lost low", "lost high")]
    wide = bool(ends) and min(ends) > 0 and max(ends) / min(ends) > LOGARITHMIC_SPAN
    domain = decades(min(ends), max(ends)) if wide else None
    title = f"held-out loss ({units.pop()})" if by_loss else "held-out error rate"
    chart = _crosses(_lost_axis(domain, title, percent=not by_loss), _coloured(cells, colours))
    return Figure(
        specification(chart.properties(data=values(rows), width=WIDTH, height=HEIGHT)),
        "Loss against stability" if by_loss else "Error against stability",
        "lower left is good; lines are intervals",
    )


def _lost_axis(domain: tuple[float, float] | None, title: str, percent: bool) -> alt.X:
    if domain:
        scale, axis = alt.Scale(type="log", domain=domain, nice=False), powers_of_ten(*domain)
    elif percent:
        scale, axis = alt.Scale(domainMin=0, padding=12), alt.Axis(tickCount=5, format="%")
    else:
        scale, axis = alt.Scale(zero=False, padding=24), alt.Axis(tickCount=5, format="~g")
    return alt.X("lost:Q", scale=scale, title=title, axis=axis)


def _crosses(x: alt.X, colour: alt.Color) -> alt.LayerChart | alt.FacetChart:
    """A point for every row, with the intervals of both of its coordinates."""
    y = alt.Y(
        "differ:Q",
        scale=alt.Scale(domain=[0, 1], padding=6, nice=False),
        title="chance that two seeds differ",
        axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
    )
    tooltip = [
        "architecture:N",
        alt.Tooltip("lost:Q", format=".4g"),
        alt.Tooltip("differ:Q", format=".1%"),
    ]
    rule = alt.Chart().mark_rule(strokeWidth=1.4, opacity=0.6)
    return alt.layer(
        alt.Chart()
        .mark_point(filled=True, size=70, opacity=1)
        .encode(x, y, colour, tooltip=tooltip),
        rule.encode(alt.X("lost low:Q"), y, colour, x2="lost high:Q"),
        rule.encode(x, alt.Y("differ low:Q"), colour, y2="differ high:Q"),
    )


def _coloured(cells: Sequence[Cell], colours: Mapping[str, str]) -> alt.Color:
    names = [cell["architecture"] for cell in cells]
    scale = alt.Scale(domain=names, range=[colours[name] for name in names])
    return alt.Color("architecture:N", scale=scale, legend=None)


def _last(cell: Cell) -> float:
    return max((point["threshold"] for point in cell["stability"]["curve"]), default=0.0)


def _staircase(cell: Cell, end: float, most: int) -> list[dict[str, Any]]:
    """The pieces of a curve; one ends where the seeds begin or cease to resolve the entropy."""
    curve = cell["stability"]["curve"]
    kept = [curve[place] for place in thinned(len(curve), max(2, most // 2))]
    pieces: list[dict[str, Any]] = []
    for resolved, points in groupby(kept, key=lambda point: point["entropy"] is not None):
        steps = list(points)
        start = steps[0]["threshold"]
        if pieces:
            _extend(pieces[-1], start)
        pieces.append(
            {
                "architecture": cell["architecture"],
                "resolved": resolved,
                "piece": f"{cell['architecture']} {len(pieces)}",
                "threshold": [round(step["threshold"], 5) for step in steps],
                "bits": [_bits(step) for step in steps],
                "classes": [step["classes"] for step in steps],
            }
        )
    if pieces:
        _extend(pieces[-1], end)
    return pieces


def _extend(piece: dict[str, Any], threshold: float) -> None:
    """Draw the last step of a piece to where the next begins."""
    piece["threshold"].append(round(threshold, 5))
    for column in ("bits", "classes"):
        piece[column].append(piece[column][-1])


def _bits(point: Mapping[str, Any]) -> float | None:
    entropy = point["entropy"]
    number = finite(point["at_least"] if entropy is None else entropy["estimate"])
    return None if number is None else round(number, 4)


def _point(cell: Cell, by_loss: bool) -> dict[str, Any] | None:
    """A cell as a point with its two intervals; None without a loss or without solution classes."""
    solutions = cell["stability"]["by_output"]
    lost = cell["held_out_loss"] if by_loss else _without(cell["held_out_accuracy"])
    if solutions is None or finite(lost["estimate"]) is None:
        return None
    differ = _without(solutions["collision"])
    if differ["estimate"] is None:
        return None
    coordinates = {**_reach("lost", lost), **_reach("differ", differ)}
    return {"architecture": cell["architecture"], **coordinates}


def _reach(name: str, interval: Mapping[str, Any]) -> dict[str, float]:
    """A coordinate and the ends of its interval, which are the estimate where there is none."""
    ends = {f"{name} {end}": finite(interval[end]) for end in ("low", "high")}
    estimate = interval["estimate"]
    return {name: estimate} | {end: estimate if x is None else x for end, x in ends.items()}


def _without(interval: Mapping[str, Any]) -> dict[str, float | None]:
    """The interval of 1 - x from that of x, a probability."""
    flipped = {"estimate": "estimate", "low": "high", "high": "low"}
    known = {name: finite(interval[source]) for name, source in flipped.items()}
    return {name: None if x is None else min(max(1 - x, 0.0), 1.0) for name, x in known.items()}
