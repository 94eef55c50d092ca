"""The section of one task: what was asked, the table, the pictures side by side."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from analysis.report.asked import part, training
from analysis.report.charts import Figure
from analysis.report.curves import learning_curves, loss_axis
from analysis.report.findings import findings
from analysis.report.levels import folded_levels
from analysis.report.measures import measures_table
from analysis.report.numerals import numeral
from analysis.report.reading import readings
from analysis.report.similarity import FAR, LEVEL, NEAR, similarity_map
from analysis.report.stability_charts import entropy_against_threshold, loss_against_stability
from analysis.report.words import in_words

Cell = Mapping[str, Any]
Hang = Callable[[Figure], str]


def task_section(
    place: int,
    cells: Sequence[Cell],
    config: Mapping[str, Any],
    *,
    end: float,
    colours: Mapping[str, str],
    anchors: Mapping[str, str],
    hang: Hang,
) -> str:
    """HTML section of the ``place``-th task; ``end`` is where the distances' colour scale ends."""
    return (
        f'<section class="task" id="task-{place}"><h2>{escape(cells[0]["task"])}</h2>'
        f"{_asked(cells, config, colours)}{measures_table(cells, colours)}"
        f"{in_words(cells, colours)}"
        f"{_curves(cells, colours, hang)}{_maps(cells, end, colours, hang)}"
        f"{_stability(cells, colours, hang)}{_levels(cells, colours, hang)}"
        f"{readings(cells, hang, colours, anchors)}"
        f"{findings(cells, hang, colours)}</section>"
    )


def _levels(cells: Sequence[Cell], colours: Mapping[str, str], hang: Hang) -> str:
    """Each architecture's levels of comparison, folded away; results of old have none."""
    parts = "".join(
        f'<h4><span class="swatch" style="background:{colours[cell["architecture"]]}"></span>'
        f"{escape(cell['architecture'])}</h4>"
        + folded_levels(
            cell["levels"],
            cell.get("compared", cell["seeds"]),
            (),
            hang,
            # What stands alone on its page is what the reader came for.
            unfolded=len(cells) == 1,
        )
        for cell in cells
        if cell.get("levels")
    )
    return f"<h3>Level by level</h3>{parts}" if parts else ""


def _asked(cells: Sequence[Cell], config: Mapping[str, Any], colours: Mapping[str, str]) -> str:
    task = part(config, "tasks", cells[0]["task"])
    lines = "".join(
        f'<li><span class="swatch" style="background:{colours[name]}"></span>'
        f"{escape('; '.join(filter(None, words)))}</li>"
        for name in (cell["architecture"] for cell in cells)
        if any(words := (part(config, "architectures", name, "model"), training(config, name)))
    )
    asked = f'<p class="lead">{escape(task)}</p>' if task else ""
    return f'{asked}<ul class="asked">{lines}</ul>' if lines else asked


def _curves(cells: Sequence[Cell], colours: Mapping[str, str], hang: Hang) -> str:
    # What is fitted in one go has a single point, which is in the table above.
    cells = [cell for cell in cells if any(len(curve["step"]) > 1 for curve in cell["curves"])]
    if not cells:
        return ""
    axes = {
        unit: loss_axis([cell for cell in cells if cell["unit"] == unit])
        for unit in {cell["unit"] for cell in cells}
    }
    figures = "".join(
        hang(learning_curves(cell, axes[cell["unit"]], colours[cell["architecture"]]))
        for cell in cells
    )
    key = (
        '<div class="key"><span class="line"></span>held out, a line per seed'
        '<span class="line dashed"></span>training</div>'
    )
    return f'<h3>Learning curves</h3>{key}<div class="figures">{figures}</div>'


def _maps(cells: Sequence[Cell], end: float, colours: Mapping[str, str], hang: Hang) -> str:
    maps = [similarity_map(cell, end, colours[cell["architecture"]]) for cell in cells]
    figures = "".join(hang(figure) for figure in maps if figure is not None)
    if not figures:
        return ""
    threshold = cells[0]["stability"]["threshold"]
    key = (
        f'<div class="key">0<i style="background:linear-gradient(90deg,{NEAR},{LEVEL})"></i>'
        f'{numeral(threshold)}<i style="background:linear-gradient(90deg,{LEVEL},{FAR})"></i>'
        f"{numeral(end)} &ensp; distance between two seeds, white at the threshold of a class</div>"
    )
    return f'<h3>How alike the seeds are</h3>{key}<div class="figures">{figures}</div>'


def _stability(cells: Sequence[Cell], colours: Mapping[str, str], hang: Hang) -> str:
    measured = [cell for cell in cells if cell["stability"]["by_output"] is not None]
    if not measured:
        return ""
    threshold = cells[0]["stability"]["threshold"]
    key = "".join(
        f'<span><span class="swatch" style="background:{colours[cell["architecture"]]}"></span>'
        f"{escape(cell['architecture'])}</span>"
        for cell in measured
    )
    figures = hang(entropy_against_threshold(measured, threshold, colours)) + hang(
        loss_against_stability(measured, colours)
    )
    return (
        f'<h3>One solution or many</h3><div class="key">{key}</div>'
        f'<div class="figures wide">{figures}</div>'
    )
