"""Learning curves of one architecture: a thin line per seed, loss above and accuracy below.

Seeds that diverged keep their finite steps and end in a cross. Losses are on a logarithmic axis
when they span more than a factor of thirty in the task, otherwise on a linear one; architectures of
a task whose losses have one unit share their axes, so that the panels can be read across.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from analysis.report.charts import (
    INK,
    LOGARITHMIC_SPAN,
    MOST_ROWS,
    Figure,
    decades,
    powers_of_ten,
    short_seed,
    specification,
    thinned,
    values,
)
from analysis.report.numerals import counted, finite

WIDTH, LOSS_HEIGHT, ACCURACY_HEIGHT = 300, 170, 90
DEEPEST = 1e-8


@dataclass(frozen=True)
class LossAxis:
    """The range and kind of the loss axis that a task's panels share."""

    low: float
    high: float
    logarithmic: bool

    def place(self, loss: Any) -> float | None:
        """The loss as drawn: on the floor if under the axis, None if it is not finite."""
        number = finite(loss)
        return None if number is None else _short(max(number, self.low))


def loss_axis(cells: Sequence[Mapping[str, Any]]) -> LossAxis:
    """One axis for all losses of cells with one unit, at most eight decades deep."""
    losses = [
        number
        for cell in cells
        for curve in cell["curves"]
        for kind in ("train_loss", "held_out_loss")
        for number in map(finite, curve[kind])
        if number is not None
    ]
    if not losses:
        return LossAxis(0.0, 1.0, logarithmic=False)
    high = max(losses)
    low = max(min(losses), high * DEEPEST)
    if low > 0 and high / low > LOGARITHMIC_SPAN:
        return LossAxis(*decades(low, high), logarithmic=True)
    return LossAxis(min(losses), high, logarithmic=False)


def learning_curves(cell: Mapping[str, Any], axis: LossAxis, colour: str) -> Figure:
    """Loss and accuracy of every seed of a cell against the step."""
    seeds = [_seed_row(curve, axis, len(cell["curves"])) for curve in cell["curves"]]
    crosses = [row for row in map(_end, seeds, cell["status"]) if row is not None]
    chart = alt.vconcat(
        _loss_panel(crosses, axis, cell["unit"], colour),
        _accuracy_panel(colour),
        data=values(seeds),
        spacing=14,
    )
    caption = counted(len(seeds), "seed")
    if crosses or "diverged" in cell["status"]:
        caption += f", {sum(status == 'diverged' for status in cell['status'])} diverged (×)"
    return Figure(specification(chart), cell["architecture"], caption, colour)


def _seed_row(curve: Mapping[str, Any], axis: LossAxis, seeds: int) -> dict[str, Any]:
    kept = thinned(len(curve["step"]), max(2, MOST_ROWS // max(1, seeds)))
    return {
        "seed": short_seed(curve["seed"]),
        "step": [curve["step"][place] for place in kept],
        "held out": [axis.place(curve["held_out_loss"][place]) for place in kept],
        "training": [axis.place(curve["train_loss"][place]) for place in kept],
        "accuracy": [_short(finite(curve["held_out_accuracy"][place])) for place in kept],
    }


def _end(row: Mapping[str, Any], status: str) -> dict[str, Any] | None:
    """Where the curve of a diverged seed ends."""
    drawn = [place for place, loss in enumerate(row["held out"]) if loss is not None]
    if status != "diverged" or not drawn:
        return None
    last = drawn[-1]
    return {"seed": row["seed"], "step": row["step"][last], "held out": row["held out"][last]}


def _loss_panel(
    crosses: list[dict[str, Any]], axis: LossAxis, unit: str, colour: str
) -> alt.LayerChart | alt.FacetChart:
    scale = alt.Scale(
        type="log" if axis.logarithmic else "linear",
        domain=[axis.low, axis.high],
        nice=not axis.logarithmic,
        zero=False,
    )
    y = alt.Y(
        "held out:Q",
        scale=scale,
        title=f"loss ({unit})",
        axis=powers_of_ten(axis.low, axis.high) if axis.logarithmic else alt.Axis(tickCount=5),
    )
    lines = alt.Chart().transform_flatten(["step", "held out", "training"])
    held_out = lines.mark_line(strokeWidth=1.1, opacity=0.65, color=colour).encode(
        _steps(labels=False), y, alt.Detail("seed:N"), tooltip=["seed:N", "step:Q", "held out:Q"]
    )
    training = lines.mark_line(strokeWidth=0.9, opacity=0.35, strokeDash=[2, 2], color=INK).encode(
        _steps(labels=False),
        alt.Y("training:Q", scale=scale, title=f"loss ({unit})"),
        alt.Detail("seed:N"),
        tooltip=["seed:N", "step:Q", "training:Q"],
    )
    ends = (
        alt.Chart(values(crosses))
        .mark_point(shape="M-1,-1L1,1M-1,1L1,-1", size=40, strokeWidth=1.6, color=INK)
        .encode(_steps(labels=False), y, tooltip=["seed:N", "step:Q"])
    )
    layers = [training, held_out, ends] if crosses else [training, held_out]
    return alt.layer(*layers).properties(width=WIDTH, height=LOSS_HEIGHT)


def _accuracy_panel(colour: str) -> alt.Chart:
    y = alt.Y(
        "accuracy:Q",
        scale=alt.Scale(domain=[0, 1]),
        title="accuracy",
        axis=alt.Axis(format="%", values=[0, 0.5, 1]),
    )
    tooltip = ["seed:N", "step:Q", alt.Tooltip("accuracy:Q", format=".1%")]
    return (
        alt.Chart()
        .transform_flatten(["step", "accuracy"])
        .mark_line(strokeWidth=1.1, opacity=0.65, color=colour)
        .encode(_steps(labels=True), y, alt.Detail("seed:N"), tooltip=tooltip)
        .properties(width=WIDTH, height=ACCURACY_HEIGHT)
    )


def _steps(labels: bool) -> alt.X:
    axis = alt.Axis(format=",d", tickCount=4, grid=False, labels=labels, ticks=labels)
    return alt.X("step:Q", title="step" if labels else None, axis=axis)


def _short(number: float | None) -> float | None:
    """Four digits are more than a line can show, and keep the page small."""
    return None if number is None else float(f"{number:.4g}")
