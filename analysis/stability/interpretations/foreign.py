"""Circuits, formulas and features of foreign origin, from plain data, as interpretations.

One file for K models; each list has one item a model, and lists given together are as long:

    {"names":    ["seed 0", ...],                                     (all keys are optional,
     "labels":   ["induction", ...],                                   one at least is given)
     "features": [{"head 0.copying": 0.93, ...}, ...],
     "circuits": [["a0.h1", "m3", ...], ...]                          components alone, or
     "circuits": [{"nodes": ["a0.h1", ...],                           graphs
                   "edges": [["embed", "a0.h1", 0.4], ...]}, ...],    source, target, weight
     "formulas": [{"expression": "a * x + b * y", "inputs": ["x", "y"],
                   "constants": {"a": 2.0, "b": [1.0, 0.5]}}, ...]}   or a list of them a model

An edge may leave out its weight, which is 1 then; a graph may leave out `nodes`. A formula may have
a `name`, a `quantity` and an `error`. The language of expressions is that of `Formula`: a closed
one, so that reading a file never runs code.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interpretable_arch.interpretation import Edge, Feature, Formula, Graph, Interpretation

FUNCTIONS = frozenset({"abs", "asin", "asinh", "cos", "exp", "log", "sin", "sqrt", "tanh"})
KINDS = ("labels", "features", "circuits", "formulas")
_FORMULA = {"expression", "inputs", "constants", "name", "quantity", "error"}


def interpretations_from(mapping: Mapping[str, Any]) -> tuple[Interpretation, ...]:
    """One interpretation a model from plain data in the format above.

    Raises ValueError with the place of what doesn't fit: "circuits[2].edges[0]: wanted ...".
    """
    unknown = sorted(set(mapping) - {*KINDS, "names"})
    if unknown:
        raise ValueError(f"interpretations: wanted the keys {(*KINDS, 'names')}, got {unknown}")
    given = {kind: _listed(kind, mapping[kind]) for kind in KINDS if kind in mapping}
    if not given:
        raise ValueError(f"interpretations: wanted one of {KINDS}, got {sorted(mapping)}")
    lengths = {kind: len(items) for kind, items in given.items()}
    if "names" in mapping:
        lengths["names"] = len(_listed("names", mapping["names"]))
    if len(set(lengths.values())) != 1:
        raise ValueError(f"interpretations: wanted one item a model in each list, got {lengths}")
    return tuple(_one(given, model) for model in range(next(iter(lengths.values()))))


def _one(given: Mapping[str, Sequence[Any]], model: int) -> Interpretation:
    return Interpretation(
        _text(f"labels[{model}]", given["labels"][model]) if "labels" in given else "",
        _features(f"features[{model}]", given["features"][model]) if "features" in given else (),
        _formulas(f"formulas[{model}]", given["formulas"][model]) if "formulas" in given else (),
        _graph(f"circuits[{model}]", given["circuits"][model]) if "circuits" in given else None,
    )


def _features(place: str, given: Any) -> tuple[Feature, ...]:
    if not isinstance(given, Mapping):
        raise ValueError(f"{place}: wanted names and numbers, got {type(given).__name__}")
    return tuple(
        Feature(_text(place, name), _number(f"{place}.{name}", value), "")
        for name, value in given.items()
    )


def _graph(place: str, given: Any) -> Graph:
    if not isinstance(given, Mapping):
        names = [_text(f"{place}[{n}]", c) for n, c in enumerate(_listed(place, given, empty=True))]
        return Graph(_distinct(place, names), ())
    _only(place, given, {"nodes", "edges"})
    rows = _listed(f"{place}.edges", given.get("edges", []), empty=True)
    edges = tuple(_edge(f"{place}.edges[{n}]", row) for n, row in enumerate(rows))
    ends = [end for edge in edges for end in (edge.source, edge.target)]
    if "nodes" not in given:
        return Graph(tuple(dict.fromkeys(ends)), edges)
    listed = _listed(f"{place}.nodes", given["nodes"], empty=True)
    nodes = _distinct(f"{place}.nodes", [_text(f"{place}.nodes", n) for n in listed])
    missing = sorted(set(ends) - set(nodes))
    if missing:
        raise ValueError(f"{place}.edges: wanted ends among its nodes, got {missing}")
    return Graph(nodes, edges)


def _edge(place: str, row: Any) -> Edge:
    if isinstance(row, str) or not isinstance(row, Sequence) or len(row) not in (2, 3):
        raise ValueError(f"{place}: wanted [source, target, weight], got {row!r}")
    weight = _number(f"{place}[2]", row[2]) if len(row) == 3 else 1.0
    return Edge(_text(f"{place}[0]", row[0]), _text(f"{place}[1]", row[1]), weight)


def _formulas(place: str, given: Any) -> tuple[Formula, ...]:
    items = [given] if isinstance(given, Mapping) else _listed(place, given)
    found = [_formula(f"{place}[{n}]", item, n) for n, item in enumerate(items)]
    _distinct(place, [formula.name for formula in found])
    return tuple(found)


def _formula(place: str, given: Any, number: int) -> Formula:
    if not isinstance(given, Mapping) or not {"expression", "inputs"} <= set(given):
        raise ValueError(f"{place}: wanted an expression and its inputs, got {given!r}")
    _only(place, given, _FORMULA)
    text = _text(f"{place}.expression", given["expression"])
    inputs = tuple(_text(f"{place}.inputs", n) for n in _listed(f"{place}.inputs", given["inputs"]))
    constants = given.get("constants", {})
    if not isinstance(constants, Mapping):
        raise ValueError(f"{place}.constants: wanted names and numbers, got {constants!r}")
    known = {name: _array(f"{place}.constants.{name}", v) for name, v in constants.items()}
    _check_expression(place, text, {*inputs, *known})
    name = _text(f"{place}.name", given.get("name", f"formula {number}"))
    quantity = _text(f"{place}.quantity", given.get("quantity", "value"))
    error = _number(f"{place}.error", given.get("error", 0.0))
    return Formula(name, text, inputs, known, quantity, error)


def _check_expression(place: str, text: str, known: set[str]) -> None:
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise ValueError(f"{place}.expression: wanted arithmetic, got {text!r}") from error
    called = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            allowed = FUNCTIONS if id(node) in called else known
            if node.id not in allowed:
                raise ValueError(f"{place}.expression: wanted {sorted(allowed)}, got {node.id!r}")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            raise ValueError(f"{place}.expression: wanted ** for powers, got ^ in {text!r}")


def _array(place: str, value: Any) -> np.ndarray:
    try:
        found = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{place}: wanted a number or a full table, got {value!r}") from error
    if found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise ValueError(f"{place}: wanted finite numbers, got {value!r}")
    return found


def _listed(place: str, given: Any, *, empty: bool = False) -> Sequence[Any]:
    if isinstance(given, str | Mapping) or not isinstance(given, Sequence):
        raise ValueError(f"{place}: wanted a list, got {type(given).__name__}")
    if not (given or empty):
        raise ValueError(f"{place}: wanted at least one item, got none")
    return given


def _text(place: str, given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError(f"{place}: wanted text, got {given!r}")
    return given


def _number(place: str, given: Any) -> float:
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not np.isfinite(given):
        raise ValueError(f"{place}: wanted a finite number, got {given!r}")
    return float(given)


def _distinct(place: str, names: Sequence[str]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"{place}: wanted each name once, got {twice} more often")
    return tuple(names)


def _only(place: str, given: Mapping[str, Any], wanted: set[str]) -> None:
    unknown = sorted(map(str, set(given) - wanted))
    if unknown:
        raise ValueError(f"{place}: wanted the keys {sorted(wanted)}, got {unknown}")
