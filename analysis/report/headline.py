"""The answer of each task in plain words: who solved it, whether the seeds agree, and on what.

To give the same answers is to fall in one class by output; to tell the same story is to fall in one
class by interpretation, which is only said where the labels depend on the weights and all were
read. Where few seeds agree, what so few can show comes before what they did.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from analysis.report.numerals import bounds, counted, finite, numeral, percent
from analysis.report.stories import Stories, stories

Cell = Mapping[str, Any]
FEW = 0.75  # a class is only bounded below this by 10 seeds or fewer, all alike


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
    seeds, classes = len(solutions["classes"]), len(solutions["counts"])
    if classes == 1:
        return _one_class(seeds, solutions["modal_share"]["low"], stories(cell))
    found = f"; {counted(classes, 'solution class')} in {seeds} seeds"
    if not solutions["resolved"]:
        return f"{found}, too many for so few seeds to count{_same_story(seeds, stories(cell))}"
    agree = percent(solutions["collision"]["estimate"], 0)
    return f"{found}, and two share one with chance {agree}{_same_story(seeds, stories(cell))}"


def _one_class(seeds: int, share: float, told: Stories | None) -> str:
    if share >= FEW:
        said = f"all {seeds} give the same answers{_told(told)}"
        return f", and {said} (a class that holds at least {percent(share, 0)} of seeds)"
    return f"; {_shows_only(seeds, share)}: all {seeds} give the same answers{_told(told)}"


def _told(told: Stories | None) -> str:
    """What seeds with the same answers say of themselves; empty where they say nothing."""
    if told is None or not told.told:
        return ""
    if told.same:
        return " and tell the same story"
    unread = f" ({told.unread} could not be read)" if told.unread else ""
    number = len(told.told)
    return f", but tell {number} {'story' if number == 1 else 'stories'}{unread}"


def _same_story(seeds: int, told: Stories | None) -> str:
    """One story beside different answers, with its bound."""
    if told is None or not told.same or told.share is None:
        return ""
    if told.share >= FEW:
        share = percent(told.share, 0)
        return f", though all tell the same story (which at least {share} of seeds tell)"
    return f"; {_shows_only(seeds, told.share)}: all {seeds} tell the same story"


def _shows_only(seeds: int, share: float) -> str:
    return f"{seeds} seeds show only that such a class holds at least {percent(share, 0)} of seeds"
