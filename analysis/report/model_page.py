"""One trained model as a page: what it promises, and all that readers found in it."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from analysis.reading.finding import Finding
from analysis.reading.over_seeds import over_seeds
from analysis.report.charts import palette
from analysis.report.findings import findings
from analysis.report.page import Gallery, document, write_document


def write_model_page(
    title: str, lines: Sequence[str], found: Mapping[str, Finding], seed: str, path: Path | str
) -> Path:
    """Write the page of one model: `lines` of text as the terminal has them, then the findings."""
    gallery = Gallery()
    cell = {
        "architecture": title,
        "findings": [f.to_mapping() for f in over_seeds([seed], [found])],
    }
    shown = findings([cell], gallery.hang, palette((title,)))
    body = (
        f"<header><h1>{escape(title)}</h1></header>"
        f"<main><pre>{escape(chr(10).join(lines))}</pre>{shown}</main>"
    )
    return write_document(document(title, body, gallery), path)
