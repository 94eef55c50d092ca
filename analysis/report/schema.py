"""The keys that a page reads from a comparison's JSON: the one place that says what a report needs.

More keys, in any order, are welcome; a missing one is a ``ValueError`` that names it with its path,
so that a result written by another version is refused before anything is drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

# Each record's keys; a key with a record's name holds that record, "name*" a list of them, "name?"
# that record or null, and "" anything.
INTERVAL = "interval"
RECORDS: dict[str, dict[str, str]] = {
    "result": {
        "name": "",
        "description": "",
        "unit": "",
        "config": "",
        "cells": "cell*",
        "versions": "",
        "seconds": "",
    },
    "cell": {
        "task": "",
        "architecture": "",
        "exactness": "",
        "parameters": "",
        "seeds": "",
        "status": "",
        "solved": "",
        "solved_at": "",
        "held_out_loss": INTERVAL,
        "held_out_accuracy": INTERVAL,
        "seconds": "",
        "sum_error": "",
        "curves": "curve*",
        "stability": "stability",
        "readings": "reading*",
        "findings": "finding*",
    },
    "curve": dict.fromkeys(
        ("seed", "step", "train_loss", "held_out_loss", "held_out_accuracy"), ""
    ),
    "finding": {"title": "", "figures": "figure*", "seed": "", "shown": "shown"},
    "figure": {"name": "", "values": "", "mean": INTERVAL},
    "shown": {"exhibits": "", "notes": ""},
    "stability": {
        "threshold": "",
        "diverged": "",
        "disagreement": "pair?",
        "divergence": "pair?",
        "cka": "pair?",
        "by_output": "solutions?",
        "by_output_with_diverged": "solutions?",
        "by_interpretation": "solutions?",
        "curve": "point*",
    },
    "pair": {"seeds": "", "matrix": "", "raw": INTERVAL, "rungs": "rung*"},
    "rung": {"name": "", "null": INTERVAL, "above": "interval?"},
    "solutions": {
        "classes": "",
        "names": "",
        "counts": "",
        "collision": INTERVAL,
        "modal_share": INTERVAL,
        "coverage": "",
        "resolved": "",
        "shannon": "shannon?",
        "at_least": "",
        "at_most": "",
    },
    "shannon": {"chao_wang_jost": INTERVAL},
    "point": {"threshold": "", "classes": "", "entropy": "interval?", "at_least": ""},
    "matrix reading": {
        "group": "",
        "label": "",
        "unitarity": "",
        "defect": "",
        "off_identity": "",
        "characters": "class*",
        "multiplicities": "multiplicity*",
        "irreducibles": "irreducible*",
        "intertwiner": "intertwiner?",
    },
    "logit reading": dict.fromkeys(("group", "label", "explained", "names", "shares"), ""),
    "class": dict.fromkeys(("representative", "size", "real"), ""),
    "multiplicity": dict.fromkeys(("name", "value", "copies", "distance"), ""),
    "irreducible": {
        "name": "",
        "dimension": "",
        "type": "",
        "origin": "",
        "characters": "formula*",
        "generators": "",
        "matrices": "formula*",
        "products": "",
        "product_error": "",
    },
    "formula": {"latex": ""},
    "intertwiner": {"residual": ""},
    "interval": dict.fromkeys(("estimate", "low", "high"), ""),
    "stability report": {
        "name": "",
        "names": "",
        "architectures": "",
        "stability": "stability?",
        "levels": "level*",
        "statements": "",
    },
    "across": {"task": "", "names": "", "architectures": "", "level": "level"},
    "level": {
        "name": "",
        "measures": "measure*",
        "classes": "counted*",
        "figures": "level figure*",
        "exhibits": "exhibit*",
        "statements": "",
        "skipped": "",
    },
    "measure": {
        "name": "",
        "unit": "",
        "best": "",
        "seeds": "",
        "matrix": "",
        "raw": INTERVAL,
        "rungs": "rung*",
    },
    "counted": dict.fromkeys(("basis", "classes", "names", "counts", "coverage", "statement"), ""),
    "level figure": {"name": "", "value": INTERVAL, "unit": "", "meaning": ""},
    "exhibit": {"kind": "", "title": ""},
}
# Keys that older results lack: what they hold is checked where they are there.
OPTIONAL = {
    "result": {"across": "across*"},
    "cell": {"levels": "level*", "compared": ""},
    "level": {"notes": ""},
}


def check(result: Any) -> None:
    """Raise ``ValueError`` naming the first key that is missing or holds the wrong kind."""
    _check_record(result, "result", "result")


def check_stability_report(report: Any) -> None:
    """The same for the report of models that no study trained."""
    _check_record(report, "stability report", "report")


def cells_with_units(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells of a checked result, each with its loss's ``unit``: its own, else the result's.

    An architecture that trains on a loss of its own kind can't be compared by it with others.
    """
    return [{"unit": result["unit"], **cell} for cell in result["cells"]]


def _check_record(value: Any, record: str, path: str) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{path}: wanted a mapping ({record}), got {type(value).__name__}")
    for key, kind in RECORDS[record].items():
        if key not in value:
            raise ValueError(
                f"{path}.{key}: missing; a {record} has the keys {', '.join(RECORDS[record])}"
            )
        _check_value(value[key], kind, f"{path}.{key}")
    for key, kind in OPTIONAL.get(record, {}).items():
        if key in value:
            _check_value(value[key], kind, f"{path}.{key}")


def _check_value(value: Any, kind: str, path: str) -> None:
    if kind.endswith("*"):
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise ValueError(f"{path}: wanted a list, got {type(value).__name__}")
        for place, entry in enumerate(value):
            if kind == "reading*":
                _check_reading(entry, f"{path}[{place}]")
            else:
                _check_record(entry, kind[:-1], f"{path}[{place}]")
    elif kind and not (kind.endswith("?") and value is None):
        _check_record(value, kind.removesuffix("?"), path)


def _check_reading(entry: Any, path: str) -> None:
    """A seed's reading: of its matrices, of its logits (told by its shares), or null."""
    if entry is not None:
        of_logits = isinstance(entry, Mapping) and "shares" in entry
        _check_record(entry, "logit reading" if of_logits else "matrix reading", path)
