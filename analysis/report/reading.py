"""What was read off the seeds of each architecture on a group.

Two kinds of readings are shown: of models that hold a matrix per element (`GroupReading`), and of
the logits of any model (`LogitReading`, told by its shares).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from analysis.report.charts import Figure, short_seed
from analysis.report.formulas import direct_sum
from analysis.report.numerals import counted, finite, numeral, percent
from analysis.report.reading_charts import characters, multiplicities, shares

Cell = Mapping[str, Any]
Reading = Mapping[str, Any]
Hang = Callable[[Figure], str]


def readings(
    cells: Sequence[Cell], hang: Hang, colours: Mapping[str, str], anchors: Mapping[str, str]
) -> str:
    """HTML of the readings of a task's cells; empty where nothing was read.

    ``anchors`` gives for each group the id of the section with its exact irreducibles.
    """
    parts, outputs = [], []
    for cell in cells:
        by_seed = {
            short_seed(seed): reading
            for seed, reading in zip(cell["seeds"], cell["readings"], strict=True)
            if reading is not None
        }
        matrices = {seed: found for seed, found in by_seed.items() if "shares" not in found}
        logits = {seed: found for seed, found in by_seed.items() if "shares" in found}
        colour = colours[cell["architecture"]]
        parts += [_of_matrices(cell, matrices, colour, hang, anchors)] if matrices else []
        outputs += [_of_logits(cell, logits, colour, hang)] if logits else []
    if not parts and not outputs:
        return ""
    parts += [f'<div class="figures">{"".join(outputs)}</div>'] if outputs else []
    return f'<div class="reading"><h3>What was read off the models</h3>{"".join(parts)}</div>'


def _of_matrices(
    cell: Cell,
    found: Mapping[str, Reading],
    colour: str,
    hang: Hang,
    anchors: Mapping[str, str],
) -> str:
    group = next(iter(found.values()))["group"]
    link = f' <a href="#{anchors[group]}">Their exact matrices.</a>' if group in anchors else ""
    return (
        f"{_name(cell, colour)}<p>{_sums(found, group)}{link}</p>"
        f'<div class="beside">{_worst(list(found.values()))}'
        f"{hang(multiplicities(found, colour))}{hang(characters(found, colour))}</div>"
    )


def _sums(found: Mapping[str, Reading], group: str) -> str:
    """Which sums of irreducibles how many seeds hold, in words and MathML."""
    first = {reading["label"]: reading for reading in reversed(list(found.values()))}
    counts = Counter(reading["label"] for reading in found.values()).most_common()
    sentences = []
    for label, count in counts:
        who = f"{count} of {counted(len(found), 'seed')}"
        if label == "none":
            sentences.append(f"{who} hold no representation of {escape(group)}.")
        else:
            parts = first[label]["multiplicities"]
            held = direct_sum((part["copies"], part["name"]) for part in parts)
            sentences.append(f"{who} hold, for {escape(group)}, {held}.")
    return " ".join(sentences)


def _worst(found: Sequence[Reading]) -> str:
    """Table of the worst of each measure over the seeds."""
    residuals = [one["intertwiner"]["residual"] for one in found if one["intertwiner"] is not None]
    measures = (
        ("Homomorphism defect", "every product of the table", _most(found, "defect")),
        ("Intertwiner residual", "trained matrices against the exact sum", _largest(residuals)),
        (
            "Multiplicities off whole numbers",
            "every irreducible",
            _largest(part["distance"] for one in found for part in one["multiplicities"]),
        ),
        (
            "|χ + 1| off the identity",
            "0 for the regular representation less the trivial one",
            _most(found, "off_identity"),
        ),
        ("Departure from unitary", "every element", _most(found, "unitarity")),
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}<small>{escape(meaning)}</small></th>'
        f"<td>{numeral(value, 2)}</td></tr>"
        for name, meaning, value in measures
    )
    return (
        '<table><thead><tr><th></th><th scope="col">worst of '
        f"{counted(len(found), 'seed')}</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _of_logits(cell: Cell, found: Mapping[str, Reading], colour: str, hang: Hang) -> str:
    explained = [one["explained"] for one in found.values()]
    known = [value for value in map(finite, explained) if value is not None]
    ends = dict.fromkeys((percent(min(known)), percent(max(known)))) if known else ("none",)
    labels = Counter(one["label"] for one in found.values()).most_common()
    listed = "; ".join(f"{count} × {label}" for label, count in labels)
    return (
        f"<div>{_name(cell, colour)}<p>Of the power of the logits, {' to '.join(ends)} depends on "
        "the product alone. "
        f"Irreducibles in use, by seed: {escape(listed)}.</p>"
        f"{hang(shares(found, colour))}</div>"
    )


def _name(cell: Cell, colour: str) -> str:
    swatch = f'<span class="swatch" style="background:{colour}"></span>'
    return f"<h4>{swatch}{escape(cell['architecture'])}</h4>"


def _most(found: Sequence[Reading], key: str) -> float | None:
    return _largest(one[key] for one in found)


def _largest(values: Iterable[Any]) -> float | None:
    return max((number for number in map(finite, values) if number is not None), default=None)
