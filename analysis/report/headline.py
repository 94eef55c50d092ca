"""The answer of each task in plain words: who solved it, and whether the seeds tell one story."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from analysis.report.numerals import bounds, counted, finite, numeral, percent

Cell = Mapping[str, Any]
NOTHING_READ = "none"  # the label of a reading that found no structure


def headline(cells: Sequence[Cell], colours: Mapping[str, str]) -> str:
    """HTML paragraphs, one per architecture of a task."""
    solvable = any(cell["solved"] for cell in cells)
    return "".join(
        f'<p><span class="swatch" style="background:{colours[cell["architecture"]]}"></span>'
        f"<b>{escape(cell['architecture'])}</b>: {escape(sentence(cell, solvable))}</p>"
        for cell in cells
    )


def sentence(cell: Cell, solvable: bool = True) -> str:
    """What a cell shows in one sentence of plain text.

    ``solvable``: whether any seed of any architecture solved the task; where none did, as in
    language, the sentence speaks of the loss instead.
    """
    learnt = _solved(cell) if solvable else _loss(cell)
    diverged = sum(status == "diverged" for status in cell["status"])
    parts = [learnt + _stability(cell), f"{diverged} diverged" if diverged else ""]
    return "; ".join(filter(None, parts)) + "."


def _solved(cell: Cell) -> str:
    seeds, solved = len(cell["seeds"]), cell["solved"]
    if solved:
        return f"{solved} of {seeds} seeds solved it"
    accuracy = cell["held_out_accuracy"]["estimate"]
    known = f" ({percent(accuracy)} held out)" if finite(accuracy) is not None else ""
    return f"none of {seeds} seeds solved it{known}"


def _loss(cell: Cell) -> str:
    loss, accuracy = cell["held_out_loss"], cell["held_out_accuracy"]["estimate"]
    if finite(loss["estimate"]) is None:
        return "no finite held-out loss"
    words = (numeral(loss["estimate"]), bounds(loss), cell["unit"])
    right = f", accuracy {percent(accuracy)}" if finite(accuracy) is not None else ""
    return f"held-out loss {' '.join(filter(None, words))}{right}"


def _stability(cell: Cell) -> str:
    solutions = cell["stability"]["by_output"]
    if solutions is None or len(solutions["classes"]) < 2:
        return ""
    classes = len(solutions["counts"])
    if classes == 1:
        share = percent(solutions["modal_share"]["low"], 0)
        return f", and {_one_class(cell)} (a class that holds at least {share} of all seeds)"
    found = f"; {counted(classes, 'solution class')} in {len(solutions['classes'])} seeds"
    if not solutions["resolved"]:
        return f"{found}, too many for so few seeds to count{_same_story(cell)}"
    agree = percent(solutions["collision"]["estimate"], 0)
    return f"{found}, and two share one with chance {agree}{_same_story(cell)}"


def _one_class(cell: Cell) -> str:
    stories = _stories(cell)
    if stories == 0:
        return "all give the same outputs"
    if stories == 1:
        return "all tell the same story"
    return f"all give the same outputs, but tell {stories} stories"


def _same_story(cell: Cell) -> str:
    return ", though all tell the same story" if _stories(cell) == 1 else ""


def _stories(cell: Cell) -> int:
    """How many interpretations the seeds give; 0 where none could be read."""
    stories = cell["stability"]["by_interpretation"]
    if stories is None or tuple(stories["names"]) == (NOTHING_READ,):
        return 0
    return len(stories["counts"])
