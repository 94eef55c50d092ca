"""What was found in the models of a task: figures of all architectures side by side, then things
to look at from one seed of each.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from analysis.reading.finding_text import printable
from analysis.report.bar_charts import bars
from analysis.report.charts import Figure, short_seed
from analysis.report.exhibit_charts import heatmap, lines
from analysis.report.numerals import bounds, counted, finite, numeral, whole
from analysis.report.pictures import pictures
from analysis.report.point_charts import points

Cell = Mapping[str, Any]
Hang = Callable[[Figure], str]
CHARTS = {"lines": lines, "heatmap": heatmap, "points": points, "bars": bars}


def findings(cells: Sequence[Cell], hang: Hang, colours: Mapping[str, str]) -> str:
    """HTML of all that readers found in a task's cells; empty where they found nothing."""
    titles = dict.fromkeys(f["title"] for cell in cells for f in cell["findings"])
    parts = "".join(_finding(title, cells, hang, colours) for title in titles)
    return f'<div class="reading">{parts}</div>' if parts else ""


def _finding(title: str, cells: Sequence[Cell], hang: Hang, colours: Mapping[str, str]) -> str:
    found = [(c, f) for c in cells for f in c["findings"] if f["title"] == title]
    shown = "".join(
        _shown(cell, finding, colours[cell["architecture"]], hang) for cell, finding in found
    )
    return f"<h3>{escape(title)}</h3>{_figures(found, colours)}{shown}"


def _figures(found: Sequence[tuple[Cell, Mapping[str, Any]]], colours: Mapping[str, str]) -> str:
    """Table of figures by architecture: mean over seeds, its interval, the seeds' extremes."""
    names = dict.fromkeys(f["name"] for _, finding in found for f in finding["figures"])
    if not names:
        return ""
    heads = "".join(
        f'<th><span class="swatch" style="background:{colours[cell["architecture"]]}"></span>'
        f"{escape(cell['architecture'])}</th>"
        for cell, _ in found
    )
    rows = ""
    for name in names:
        entries = [
            next((f for f in finding["figures"] if f["name"] == name), None) for _, finding in found
        ]
        rows += f"<tr><th>{escape(name)}</th>{''.join(map(_entry, entries))}</tr>"
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _entry(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "<td></td>"
    known = [v for v in map(finite, figure["values"]) if v is not None]
    if not known:
        return "<td>–<small>in no seed</small></td>"
    every = counted(len(known), "seed")
    if len(known) < len(figure["values"]):
        every = f"{len(known)} of {counted(len(figure['values']), 'seed')}"
    spread = f"{numeral(min(known))} to {numeral(max(known))} in {every}"
    mean = numeral(figure["mean"]["estimate"])
    return f"<td>{mean} {bounds(figure['mean'])}<small>{spread}</small></td>"


def _shown(cell: Cell, finding: Mapping[str, Any], colour: str, hang: Hang) -> str:
    shown = finding["shown"]
    if not shown["exhibits"] and not shown["notes"]:
        return ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in shown["notes"])
    return (
        f'<h4><span class="swatch" style="background:{colour}"></span>'
        f"{escape(cell['architecture'])}, seed {escape(short_seed(finding['seed']))}</h4>"
        f"{f'<ul>{notes}</ul>' if notes else ''}{exhibits(shown['exhibits'], hang)}"
    )


def exhibits(shown: Sequence[Mapping[str, Any]], hang: Hang) -> str:
    """HTML of things to look at, in their order; charts that follow each other stand in a grid."""
    body = ""
    for drawn, group in groupby(shown, lambda e: e["kind"] in CHARTS):
        inside = "".join(_exhibit(exhibit, hang) for exhibit in group)
        body += f'<div class="figures">{inside}</div>' if drawn else inside
    return body


def _exhibit(exhibit: Mapping[str, Any], hang: Hang) -> str:
    kind = exhibit["kind"]
    if kind == "table":
        return table(exhibit)
    if kind == "pictures":
        return pictures(exhibit)
    return hang(CHARTS[kind](exhibit))


def table(exhibit: Mapping[str, Any]) -> str:
    """HTML of a `Table` exhibit."""
    heads = "".join(f"<th>{escape(name)}</th>" for name in exhibit["columns"])
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>"
        for row in exhibit["rows"]
    )
    return (
        f"<h4>{escape(exhibit['title'])}</h4>"
        f'<div class="scroll"><table class="shown"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return escape(printable(value))
    known = finite(value)
    return whole(known) if known is not None and known.is_integer() else numeral(value)
