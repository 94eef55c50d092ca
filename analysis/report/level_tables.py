"""The tables of one level: measures over pairs beside their nulls, classes, other numbers."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from analysis.report.numerals import DASH, bounds, finite, numeral

UNDEFINED = "undefined: "
MOST = 8  # classes, and seeds of one, that are named
ABOVE = "0: no better than the null, 1: all seeds the same"


def measures_of(level: Mapping[str, Any]) -> str:
    """HTML table: each measure's mean over pairs, and under it each null and how far it is above.

    Empty where the level has no measures.
    """
    if not level["measures"]:
        return ""
    above = any(rung["above"] for measure in level["measures"] for rung in measure["rungs"])
    head = "<th></th><th>mean over pairs</th><th>95% interval</th>"
    head += f"<th>above the null<small>{ABOVE}</small></th>" if above else ""
    rows = "".join(_measure(measure, above) for measure in level["measures"])
    return _table(head, rows)


def figures_of(level: Mapping[str, Any]) -> str:
    """HTML table of the numbers that are no means over pairs; empty where there are none."""
    if not level["figures"]:
        return ""
    rows = "".join(
        f"<tr><th>{escape(figure['name'])}{_small(figure['meaning'])}</th>"
        f"<td>{numeral(figure['value']['estimate'])} {escape(figure['unit'])}</td>"
        f"<td>{_reach(figure['value'])}</td></tr>"
        for figure in level["figures"]
    )
    return _table("<th></th><th>value</th><th>95% interval</th>", rows)


def classes_of(level: Mapping[str, Any], names: Sequence[str]) -> str:
    """HTML list: each rule that makes classes of the seeds, which are in each, what is said of it.

    What a statement of the level says already is not said again.
    """
    said = " ".join(level["statements"])
    items = "".join(
        f"<li><b>{escape(found['basis'])}</b>"
        f"{'' if found['statement'] in said else escape(': ' + found['statement'])}"
        f"{_small(_members(found, _called(found, level, names)))}</li>"
        for found in level["classes"]
    )
    return f'<ul class="classes">{items}</ul>' if items else ""


def sentences(said: Sequence[str], kind: str = "") -> str:
    """HTML list of sentences with a capital first; empty where nothing is said."""
    items = "".join(f"<li>{escape(each[:1].upper() + each[1:])}</li>" for each in said)
    mark = f' class="{kind}"' if kind else ""
    return f"<ul{mark}>{items}</ul>" if items else ""


def _measure(measure: Mapping[str, Any], above: bool) -> str:
    last = "<td></td>" if above else ""
    under = (measure.get("of"), measure["unit"])
    row = (
        f"<tr><th>{escape(measure['name'])}{_small(', '.join(filter(None, under)))}</th>"
        f"<td>{_value(measure['raw'])}</td>"
        f"<td>{_reach(measure['raw'])}{_of_new_inputs(measure.get('new_inputs'))}</td>{last}</tr>"
    )
    return row + "".join(_rung(rung, above) for rung in measure["rungs"])


def _of_new_inputs(interval: Mapping[str, Any] | None) -> str:
    """The interval for inputs that were not looked at, under the one for those that were."""
    found = bounds(interval) if interval else ""
    return _small(f"new inputs too {found}") if found else ""


def _rung(rung: Mapping[str, Any], above: bool) -> str:
    found = rung["above"]
    last = f"<td>{_value(found)} {bounds(found)}</td>" if found else "<td></td>"
    return (
        f'<tr class="rung"><th>{escape(rung["name"])}</th><td>{_value(rung["null"])}</td>'
        f"<td>{_reach(rung['null'])}</td>{last if above else ''}</tr>"
    )


def _value(interval: Mapping[str, Any]) -> str:
    return numeral(interval["estimate"])


def _reach(interval: Mapping[str, Any]) -> str:
    """The interval, or why there is none."""
    if found := bounds(interval):
        return found
    method = str(interval.get("method") or "")
    return f"{DASH}{_small(method.removeprefix(UNDEFINED))}"


def _called(found: Mapping[str, Any], level: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The names of the seeds that were put in classes; empty where it can't be told which."""
    count = len(found["classes"])
    if count == len(names):
        return [str(name) for name in names]
    for measure in level["measures"]:
        if len(measure["seeds"]) == count and max(measure["seeds"], default=0) < len(names):
            return [str(names[seed]) for seed in measure["seeds"]]
    return []


def _members(found: Mapping[str, Any], called: Sequence[str]) -> str:
    """How many seeds each of the largest classes has and which, by its name if it has its own."""
    counts, names = found["counts"], found["names"]
    if all(name == f"class {number + 1}" for number, name in enumerate(names)):
        names = ["" for _ in names]
    named = [
        f"{name}: {count}{_seeds_in(number, found['classes'], called)}".removeprefix(": ")
        for number, (name, count) in enumerate(zip(names[:MOST], counts[:MOST], strict=False))
    ]
    more = f"; and {len(counts) - MOST} more" if len(counts) > MOST else ""
    share = finite(found["coverage"])
    seen = "" if share is None else f"; coverage {numeral(share, 2)}"
    return f"seeds in each: {'; '.join(named)}{more}{seen}"


def _seeds_in(number: int, classes: Sequence[int], called: Sequence[str]) -> str:
    """The seeds of one class in brackets, the first of many."""
    if not called:
        return ""
    inside = [name for name, of in zip(called, classes, strict=True) if of == number]
    more = f" and {len(inside) - MOST} more" if len(inside) > MOST else ""
    return f" ({', '.join(inside[:MOST])}{more})"


def _table(head: str, rows: str) -> str:
    return (
        f'<div class="scroll"><table class="level"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _small(text: Any) -> str:
    return f"<small>{escape(str(text))}</small>" if text else ""
