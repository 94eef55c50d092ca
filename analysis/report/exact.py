"""The exact side of a group's reading: the irreducibles in use, their characters and matrices."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from analysis.report.formulas import character_table, image
from analysis.report.numerals import counted, numeral, whole

Reading = Mapping[str, Any]


def by_group(cells: Sequence[Mapping[str, Any]]) -> dict[str, list[Reading]]:
    """The readings that found a sum of irreducibles, by group, in the order of the cells."""
    found: dict[str, list[Reading]] = {}
    for reading in (reading for cell in cells for reading in cell["readings"]):
        if reading is not None and reading.get("irreducibles"):
            found.setdefault(reading["group"], []).append(reading)
    return found


def anchor(place: int) -> str:
    """The page's id of the ``place``-th group's exact section."""
    return f"exact-{place}"


def exact_section(place: int, group: str, readings: Sequence[Reading]) -> str:
    """HTML of every irreducible that any of the readings of one group holds."""
    forms = list(
        {form["name"]: form for reading in readings for form in reading["irreducibles"]}.values()
    )
    classes = readings[0]["characters"]
    table = character_table(
        [part["representative"] for part in classes],
        [part["size"] for part in classes],
        [(form["name"], [entry["latex"] for entry in form["characters"]]) for form in forms],
    )
    return (
        f'<section class="task reading" id="{anchor(place)}"><h2>{escape(group)}, exactly</h2>'
        '<p class="lead">The irreducible representations that the seeds were found to hold.</p>'
        f'{_proofs(forms)}<h3>Characters</h3><div class="scroll">{table}</div>'
        f"<h3>Matrices of the generators</h3>{''.join(map(_matrices, forms))}</section>"
    )


def _proofs(forms: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(form["name"])}</th><td>{whole(form["dimension"])}</td>'
        f"<td>{escape(form['type'])}</td><td>{escape(form['origin'])}</td>"
        f"<td>{whole(form['products'])} of {whole(form['products'])}</td>"
        f"<td>{numeral(form['product_error'], 2)}</td></tr>"
        for form in forms
    )
    heads = (
        ("irreducible", ""),
        ("dimension", ""),
        ("type", ""),
        ("construction", ""),
        ("verified products", "exact, M(g) M(s) = M(gs)"),
        ("largest error", "all pairs, floating point"),
    )
    cells = "".join(
        f'<th scope="col">{head}{f"<small>{escape(more)}</small>" if more else ""}</th>'
        for head, more in heads
    )
    return (
        f'<div class="scroll"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _matrices(form: Mapping[str, Any]) -> str:
    shown = "".join(
        f"<span>{image(generator, matrix['latex'])}</span>"
        for generator, matrix in zip(form["generators"], form["matrices"], strict=True)
    )
    name = f"{form['name']}, {counted(form['dimension'], 'dimension')}"
    return f'<div class="scroll matrices"><b>{escape(name)}</b>{shown}</div>'
