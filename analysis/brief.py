"""A result in brief: the figures with their intervals, in a file small enough to stand by the docs.

Curves, matrices of pairs, readings and what is only looked at are left out.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.atomic import write_file

KEPT = ("task", "architecture", "unit", "exactness", "parameters", "solved", "solved_at")
INTERVALS = ("held_out_loss", "held_out_accuracy")
PAIRS = ("disagreement", "divergence", "cka")
PLACES = ("--root", "--reports", "--brief")
CLASSES = ("by_output", "by_interpretation")


def brief(result: Mapping[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """From the mapping of a result, with the command line that made it, less where it wrote.

    Intervals are [estimate, low, high]; figures keep every seed's value and their mean.
    """
    return {
        "name": result["name"],
        "command": f"interpretable-arch {shlex.join(_without_places(arguments))}",
        "versions": result["versions"],
        "cells": [_cell(cell) for cell in result["cells"]],
    }


def write_brief(result: Mapping[str, Any], arguments: Sequence[str], path: Path | str) -> Path:
    """Write it as JSON to six digits, a line a cell, whole or not at all."""
    found = _rounded(brief(result, arguments))
    cells = ",\n".join(_line(cell) for cell in found.pop("cells"))
    text = f'{_line(found)[:-1]}, "cells": [\n{cells}\n]}}\n'
    write_file(Path(path), text.encode())
    return Path(path)


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _without_places(arguments: Sequence[str]) -> list[str]:
    kept, skip = [], False
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name in PLACES:
            skip = not value
        elif not skip and argument != "--quiet":
            kept.append(argument)
        else:
            skip = False
    return kept


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    stability = cell["stability"]
    pairs = {name: stability[name] for name in PAIRS if stability[name] is not None}
    classes = {name: stability[name] for name in CLASSES if stability[name] is not None}
    return {
        **{name: cell[name] for name in KEPT},
        "seeds": len(cell["seeds"]),
        "diverged": len(stability["diverged"]),
        "seconds": round(cell["seconds"], 1),
        "sum_error": cell["sum_error"],
        "parameter_spread": cell["parameter_spread"],
        **{name: _interval(cell[name]) for name in INTERVALS},
        **{name: _pair(pair) for name, pair in pairs.items()},
        **{name: _classes(found) for name, found in classes.items()},
        "statements": stability["statements"],
        "figures": {f["title"]: _figures(f) for f in cell["findings"]},
    }


def _interval(interval: Mapping[str, Any]) -> list[float | None]:
    return [interval[name] for name in ("estimate", "low", "high")]


def _pair(pair: Mapping[str, Any]) -> dict[str, Any]:
    untrained = {rung["name"]: rung["null"]["estimate"] for rung in pair["rungs"]}
    return {"mean": _interval(pair["raw"]), **untrained}


def _classes(found: Mapping[str, Any]) -> dict[str, Any]:
    plain = ("basis", "counts", "coverage", "resolved", "at_least", "at_most", "statement")
    return {
        **{name: found[name] for name in plain},
        "collision": _interval(found["collision"]),
        "shannon": found["shannon"],
    }


def _figures(finding: Mapping[str, Any]) -> dict[str, Any]:
    return {
        figure["name"]: {"mean": _interval(figure["mean"]), "values": figure["values"]}
        for figure in finding["figures"]
    }
