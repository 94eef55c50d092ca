"""What the numbers of a task let one say, in sentences, with the measures that have no row."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from analysis.report.numerals import bounds, numeral

Cell = Mapping[str, Any]


def in_words(cells: Sequence[Cell], colours: Mapping[str, str]) -> str:
    """HTML, folded away: a list of sentences per architecture; empty where there are none."""
    blocks = "".join(_block(cell, colours[cell["architecture"]]) for cell in cells)
    if not blocks:
        return ""
    return (
        "<details><summary>How much the seeds differ, in words</summary>"
        f'<div class="figures words">{blocks}</div></details>'
    )


def _block(cell: Cell, colour: str) -> str:
    sentences = [*cell["stability"].get("statements", ()), *_without_a_row(cell)]
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(_opened(each))}</li>" for each in sentences)
    return (
        f'<div><h4><span class="swatch" style="background:{colour}"></span>'
        f"{escape(cell['architecture'])}</h4><ul>{items}</ul></div>"
    )


def _without_a_row(cell: Cell) -> list[str]:
    """Ensemble information and biased CKA, where they were measured."""
    measured = (
        ("Ensemble information, H(mean p) − mean H(p):", "ensemble_information", "nats"),
        ("CKA without debiasing:", "biased_cka", ""),
    )
    found = [(name, cell["stability"].get(key), unit) for name, key, unit in measured]
    return [
        " ".join(filter(None, (name, numeral(each["estimate"]), unit, bounds(each)))) + "."
        for name, each, unit in found
        if each is not None
    ]


def _opened(sentence: str) -> str:
    """The sentence with a capital letter first; the rest may hold names that have none."""
    return sentence[:1].upper() + sentence[1:]
