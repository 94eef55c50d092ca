"""A finding in a terminal: figures, notes, tables; pictures and curves are left to the page."""

from analysis.exhibits import Exhibit, Table
from analysis.reading.finding import Finding

WIDEST = 48


def printable(text: str) -> str:
    """The text with what can't be printed spelled out: a line end as \\n."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def finding_lines(finding: Finding) -> list[str]:
    """Lines of text, figures first."""
    lines = [f"{finding.title}:"]
    lines += [f"  {name} = {value:.4g}" for name, value in finding.figures.items()]
    lines += [f"  {note}" for note in finding.notes]
    for exhibit in finding.exhibits:
        lines += [f"  {exhibit.title}", *_exhibit_lines(exhibit)]
    return lines


def _exhibit_lines(exhibit: Exhibit) -> list[str]:
    if not isinstance(exhibit, Table):
        return ["    (drawn on the page: --page FILE.html)"]
    rows = [exhibit.columns, *([_text(value) for value in row] for row in exhibit.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(exhibit.columns))]
    return [
        "    " + "  ".join(v.ljust(w) for v, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _text(value: str | float) -> str:
    """One line of printable text; a line end in a token is shown, not made."""
    text = printable(value) if isinstance(value, str) else f"{value:.4g}"
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
