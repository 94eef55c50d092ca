"""The table of a task: a column per architecture, a row per measure, numbers with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from analysis.report.numerals import (
    DASH,
    bounds,
    counted,
    duration,
    finite,
    numeral,
    percent,
    whole,
)
from analysis.report.stories import stories
from analysis.stability.estimates.intervals import clopper_pearson
from analysis.stability.nulls import UNTRAINED

Cell = Mapping[str, Any]


@dataclass(frozen=True)
class Measure:
    """A row of the table: its name, what it means in a few words, how a cell shows it (HTML)."""

    name: str
    meaning: str
    show: Callable[[Cell], str]


def measures_table(cells: Sequence[Cell], colours: Mapping[str, str]) -> str:
    """HTML table of all measures of a task's cells."""
    head = "".join(
        f'<th scope="col"><span class="swatch" style="background:{colours[cell["architecture"]]}">'
        f"</span>{escape(cell['architecture'])}</th>"
        for cell in cells
    )
    body = "".join(
        f'<tr class="group"><th scope="rowgroup" colspan="{len(cells) + 1}">{escape(group)}'
        "</th></tr>" + "".join(_row(measure, cells) for measure in measures)
        for group, measures in _groups(cells)
    )
    return (
        '<div class="scroll"><table class="measures"><thead><tr><th></th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(measure: Measure, cells: Sequence[Cell]) -> str:
    entries = "".join(f"<td>{measure.show(cell)}</td>" for cell in cells)
    return (
        f'<tr><th scope="row">{escape(measure.name)}<small>{escape(measure.meaning)}</small></th>'
        f"{entries}</tr>"
    )


def _groups(cells: Sequence[Cell]) -> tuple[tuple[str, tuple[Measure, ...]], ...]:
    solved_at = percent(cells[0]["solved_at"])
    unique = Measure("Parameters differ by", "largest canonical entry", _spread)
    return (
        (
            "How well it is learnt",
            (
                Measure("Held-out loss", "mean over seeds", _loss),
                Measure("Held-out accuracy", "mean over seeds", _accuracy),
                Measure(
                    "Seeds that solved it", f"held-out accuracy of at least {solved_at}", _solved
                ),
                Measure("Seeds that diverged", "", _diverged),
            ),
        ),
        (
            "How much the seeds differ",
            (
                Measure("Solution classes", "seeds that give the same answers", _classes),
                Measure("Two seeds agree", "chance that they share a class", _collision),
                Measure("Entropy of the classes", "bits", _entropy),
                Measure("Interpretation classes", "seeds that tell the same story", _stories),
                Measure("Disagreement", "held-out inputs with different answers", _disagreement),
                Measure("Distance", "of outputs, root mean square √JSD, √nats", _distance),
                Measure("CKA", "likeness of representations", _cka),
                *(
                    (unique,)
                    if any(cell.get("parameter_spread") is not None for cell in cells)
                    else ()
                ),
            ),
        ),
        (
            "What can be promised",
            (
                Measure("Exactness", "of the sum of named parts", _exactness),
                Measure("Error of the sum", "parts against forward, relative", _sum_error),
            ),
        ),
        (
            "What it costs",
            (
                Measure("Parameters", "per seed", lambda cell: whole(cell["parameters"])),
                Measure("Time", "all seeds together", lambda cell: duration(cell["seconds"])),
            ),
        ),
    )


def small(text: str) -> str:
    return f"<small>{text}</small>" if text else ""


def _loss(cell: Cell) -> str:
    loss = cell["held_out_loss"]
    return f"{numeral(loss['estimate'])} {escape(cell['unit'])}" + small(bounds(loss))


def _accuracy(cell: Cell) -> str:
    accuracy = cell["held_out_accuracy"]
    return percent(accuracy["estimate"]) + small(bounds(accuracy, percent))


def _solved(cell: Cell) -> str:
    solved, seeds = cell["solved"], len(cell["seeds"])
    measured = finite(cell["held_out_accuracy"]["estimate"]) is not None
    if not seeds or (not measured and "finished" in cell["status"]):
        return DASH  # values, not classes: nothing to have right
    interval = vars(clopper_pearson(solved, seeds))
    return f"{solved} of {seeds}" + small(bounds(interval, percent))


def _diverged(cell: Cell) -> str:
    return str(sum(status == "diverged" for status in cell["status"]))


def _classes(cell: Cell) -> str:
    solutions = cell["stability"]["by_output"]
    if solutions is None:
        return DASH
    sizes = ", ".join(map(str, solutions["counts"][:8]))
    more = ", …" if len(solutions["counts"]) > 8 else ""
    shown = f"{len(solutions['counts'])}{small(f'seeds in each: {sizes}{more}')}"
    with_diverged = cell["stability"]["by_output_with_diverged"]
    if with_diverged is None:
        return shown
    return shown + small(f"{len(with_diverged['counts'])} counting diverged seeds as one")


def _collision(cell: Cell) -> str:
    solutions = cell["stability"]["by_output"]
    if solutions is None:
        return DASH
    return percent(solutions["collision"]["estimate"]) + small(
        bounds(solutions["collision"], percent)
    )


def _entropy(cell: Cell) -> str:
    """The estimate with its interval; where too few solutions were seen, a bound."""
    solutions = cell["stability"]["by_output"]
    if solutions is None:
        return DASH
    seen = f"coverage {numeral(solutions['coverage'], 2)}"
    if not solutions["resolved"] or solutions["shannon"] is None:
        bound = f"at least {numeral(solutions['at_least'], 2)}; {seen}"
        return f'<span class="unresolved">unresolved</span>{small(bound)}'
    entropy = solutions["shannon"]["chao_wang_jost"]
    reach = " ".join(filter(None, (bounds(entropy, lambda end: numeral(end, 2)), seen)))
    return numeral(entropy["estimate"]) + small(reach)


def _stories(cell: Cell) -> str:
    """How many stories are told, the commonest, and how many seeds could not be read."""
    found = stories(cell)
    if found is None:
        return DASH
    unread = small(f"{counted(found.unread, 'seed')} could not be read" if found.unread else "")
    if not found.told:
        return DASH + unread
    name, seeds = found.told[0]
    more = len(found.told) - 1
    rest = f", and {counted(more, 'other')}" if more else ""
    return f"{len(found.told)}{small(escape(f'{seeds} × {name}{rest}'))}{unread}"


def _disagreement(cell: Cell) -> str:
    pair = cell["stability"]["disagreement"]
    return _beside_null(pair, percent) + _expected(cell["stability"].get("errors"))


def _expected(errors: Mapping[str, Any] | None) -> str:
    """What the error rates alone would let one expect of disagreement."""
    if errors is None:
        return ""
    error, independent = errors["error"], errors["independent"]
    words = (
        f"mean error rate {percent(error['estimate'])}",
        bounds(error, percent),
        f"independent errors would give {percent(independent['estimate'])}",
        bounds(independent, percent),
    )
    return small(f"{words[0]} {words[1]}") + small(f"{words[2]} {words[3]}")


def _distance(cell: Cell) -> str:
    return _beside_null(cell["stability"]["divergence"], lambda end: numeral(end, 2))


def _cka(cell: Cell) -> str:
    return _beside_null(cell["stability"]["cka"], numeral)


def _beside_null(pair: Mapping[str, Any] | None, show: Callable[[Any], str]) -> str:
    """A measure of pairs with its interval, and the same of the untrained models under it."""
    if pair is None:
        return DASH
    raw = pair["raw"]
    null = next((rung["null"] for rung in pair["rungs"] if rung["name"] == UNTRAINED), None)
    if null is None or finite(null["estimate"]) is None:
        return show(raw["estimate"]) + small(bounds(raw, show))
    untrained = f"untrained {show(null['estimate'])} {bounds(null, show)}"
    return show(raw["estimate"]) + small(bounds(raw, show)) + small(untrained)


def _exactness(cell: Cell) -> str:
    """The tier, under it the state that is held fixed, and how much that state decides."""
    tier, _, state = str(cell["exactness"]).partition("(")
    share = cell.get("state_share")
    meaning = "output change when the state is another input's"
    decides = "" if share is None else f"state share {numeral(share, 2)} ({meaning})"
    return escape(tier) + small(escape(state.removesuffix(")"))) + small(escape(decides))


def _spread(cell: Cell) -> str:
    """Only where one optimum is claimed."""
    spread = cell.get("parameter_spread")
    return DASH if spread is None else numeral(spread, 2)


def _sum_error(cell: Cell) -> str:
    return numeral(cell["sum_error"], 2)
