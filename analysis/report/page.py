"""One self-contained HTML page from a comparison's JSON.

Nothing is fetched, every label is escaped.
The page carries its style, its script, the Vega run time (once) and the charts' specifications; its
content security policy forbids any connection. The same JSON always gives the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from analysis.report.asked import configuration, folded
from analysis.report.charts import LOOK, Figure, chart_script, palette
from analysis.report.exact import anchor, by_group, exact_section
from analysis.report.headline import headline
from analysis.report.levels import across_section
from analysis.report.notes import method_notes
from analysis.report.numerals import counted, duration
from analysis.report.schema import cells_with_units, check
from analysis.report.similarity import farthest
from analysis.report.task import task_section
from training.atomic import write_file

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'"
)


class Gallery:
    """The charts of a page in the order in which they are drawn."""

    def __init__(self) -> None:
        self.specs: list[Mapping[str, Any]] = []

    def hang(self, figure: Figure) -> str:
        """HTML of a figure, whose place the script fills with the chart."""
        self.specs.append(figure.spec)
        swatch = (
            f'<span class="swatch" style="background:{figure.colour}"></span>'
            if figure.colour
            else ""
        )
        return (
            f"<figure><figcaption>{swatch}<b>{escape(figure.title)}</b> {escape(figure.caption)}"
            f'</figcaption><div class="chart" data-chart="{len(self.specs) - 1}" '
            f'data-label="{escape(figure.title, quote=True)}"></div></figure>'
        )


def write_page(result: Mapping[str, Any], path: Path | str) -> Path:
    """Write the page of a comparison (the JSON form of its result) to ``path``.

    The file appears whole or not at all. Raises ``ValueError`` naming the key that the JSON lacks.
    """
    return write_document(page(result), path)


def write_document(html: str, path: Path | str) -> Path:
    """The file appears whole or not at all."""
    target = Path(path)
    check_place(target)
    write_file(target, html.encode())
    return target


def check_place(path: Path) -> None:
    """ValueError unless a file can be written there."""
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"{path}: wanted a file in a folder that exists")


def page(result: Mapping[str, Any]) -> str:
    """The HTML of a comparison; ``ValueError`` names a key that is missing."""
    check(result)
    gallery = Gallery()
    return document(result["name"], _body(result, gallery), gallery)


def document(title: str, body: str, gallery: Gallery) -> str:
    """A whole HTML document that fetches nothing, around the body and its charts."""
    charts = {"look": LOOK, "specs": gallery.specs}
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_asset('page.css')}</style></head>\n"
        f"<body>{body}\n"
        f'<script type="application/json" id="charts">{embedded(charts)}</script>\n'
        f"<script>{chart_script()}</script>\n<script>{_asset('page.js')}</script>\n</body></html>\n"
    )


def embedded(data: Any) -> str:
    """JSON that is safe inside a script element: no ``<`` ends it or opens a comment."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _body(result: Mapping[str, Any], gallery: Gallery) -> str:
    cells = cells_with_units(result)
    tasks = {
        name: [cell for cell in cells if cell["task"] == name] for name in _names(cells, "task")
    }
    colours = palette(_names(cells, "architecture"))
    config = configuration(result["config"])
    groups = by_group(cells)
    anchors = {group: anchor(place) for place, group in enumerate(groups)}
    sections = "".join(
        task_section(
            place,
            group,
            config,
            end=farthest(cells),
            colours=colours,
            anchors=anchors,
            hang=gallery.hang,
        )
        for place, group in enumerate(tasks.values())
    )
    across = "".join(across_section(each, gallery.hang) for each in result.get("across", ()))
    exact = "".join(
        exact_section(place, group, found) for place, (group, found) in enumerate(groups.items())
    )
    return (
        f"<header>{_title(result, len(tasks))}{_answers(tasks, colours)}"
        f"{folded(result['config'])}</header>"
        f"<main>{sections}{across}{exact}{_method(cells)}</main>{_footer(result)}"
    )


def _answers(tasks: Mapping[str, Sequence[Mapping[str, Any]]], colours: Mapping[str, str]) -> str:
    """What each task showed, in plain words, with a link to its section."""
    items = "".join(
        f'<li><a href="#task-{place}">{escape(name)}</a><div>{headline(cells, colours)}</div></li>'
        for place, (name, cells) in enumerate(tasks.items())
    )
    return f'<ul class="answers">{items}</ul>'


def _names(cells: Sequence[Mapping[str, Any]], key: str) -> tuple[str, ...]:
    """Task or architecture names in the order in which they first appear."""
    return tuple(dict.fromkeys(cell[key] for cell in cells))


def _title(result: Mapping[str, Any], tasks: int) -> str:
    cells = result["cells"]
    runs = sum(len(cell["seeds"]) for cell in cells)
    facts = (
        (tasks, "task"),
        (len(_names(cells, "architecture")), "architecture"),
        (runs, "trained model"),
    )
    items = "".join(f"<li><b>{count}</b> {_plural(count, noun)}</li>" for count, noun in facts)
    return (
        f'<h1>{escape(result["name"])}</h1><p class="lead">{escape(result["description"])}</p>'
        f'<ul class="facts">{items}<li><b>{duration(result["seconds"])}</b> in all</li></ul>'
    )


def _plural(count: int, noun: str) -> str:
    return counted(count, noun).split(" ", 1)[1]


def _method(cells: Sequence[Mapping[str, Any]]) -> str:
    if not cells:
        return ""
    return method_notes(cells[0]["stability"]["threshold"], cells[0]["solved_at"])


def _footer(result: Mapping[str, Any]) -> str:
    versions = ", ".join(
        f"{name} {version}" for name, version in sorted(result["versions"].items())
    )
    return (
        "<footer><div><p>Made offline from the JSON beside this page; "
        "<code>interpretable-arch report reports/NAME.json</code> draws it again, and "
        "<code>interpretable-arch compare CONFIG.yaml</code>, with the configuration above, "
        f"repeats the study, which took {duration(result['seconds'])}.</p>"
        f"<p>{escape(versions)}</p></div></footer>"
    )


def _asset(name: str) -> str:
    return files("analysis.report").joinpath(name).read_text(encoding="utf-8")
