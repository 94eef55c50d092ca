"""What a trained model says of itself, as plain data: features, formulas, a graph, a class label.

A formula carries its constants and can be run again without the model; `error` is the largest
difference from the model's own numbers when it was read. sympy objects are made from these in
`analysis.reading`.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Feature:
    """A named number read off the weights; `value` does not change under the symmetry."""

    name: str
    value: float
    description: str


def ranked(unit: str, rank: int, does: str, value: float, what: str) -> Feature:
    """`neuron.rank.0.reads`: a number of the unit of this rank in the canonical order, from 0.

    Parts and edits count units in the model's own order, `neuron.0`, which is another.
    """
    return Feature(f"{unit}.rank.{rank}.{does}", value, f"{what}; in order of size")


@dataclass(frozen=True)
class Edge:
    source: str
    target: str
    weight: float


@dataclass(frozen=True)
class Graph:
    """Components and how strongly each writes where another reads."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Formula:
    """An expression over named inputs and constants that gives the model's `quantity`.

    Arithmetic, products of matrices (@), indexing and abs, asin, asinh, cos, exp, log, sin, sqrt,
    tanh are understood, nothing else. Of a sequence model it speaks of texts as long as it has
    inputs, x0, x1, ..., and gives the quantity of what comes next.
    """

    name: str
    expression: str
    inputs: tuple[str, ...]
    constants: Mapping[str, Any]
    quantity: str
    error: float

    def evaluate(self, **inputs: Any) -> np.ndarray:
        """Run the formula on arrays (broadcast together); raises ValueError on missing inputs."""
        if set(inputs) != set(self.inputs):
            raise ValueError(f"inputs: wanted {self.inputs}, got {tuple(inputs)}")
        names = {k: np.asarray(v) for k, v in {**self.constants, **inputs}.items()}
        return np.asarray(_evaluate(ast.parse(self.expression, mode="eval").body, names))


@dataclass(frozen=True)
class Interpretation:
    """Everything read off one model; `label` is what solution classes are counted by.

    A label depends on the weights; "" says that this model names no solution.
    """

    label: str
    features: tuple[Feature, ...] = ()
    formulas: tuple[Formula, ...] = ()
    graph: Graph | None = None
    notes: tuple[str, ...] = field(default=())

    def to_mapping(self) -> dict[str, Any]:
        return asdict(self)


_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.MatMult: operator.matmul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "cos": np.cos,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}


def _evaluate(node: ast.expr, names: Mapping[str, np.ndarray]) -> Any:
    """A closed little language, so that a formula read from a file can never run code."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left, names), _evaluate(right, names))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, names)
        case ast.Subscript(value=value, slice=ast.Tuple(elts=parts)):
            return _evaluate(value, names)[tuple(_evaluate(p, names) for p in parts)]
        case ast.Subscript(value=value, slice=index):
            return _evaluate(value, names)[_evaluate(index, names)]
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](_evaluate(argument, names))
    raise ValueError(
        f"formula: {ast.unparse(node)!r} is not understood; known names: {list(names)}"
    )
