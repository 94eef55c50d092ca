"""A formula as a sympy expression, for inputs that are named, and run again by sympy.

The expression is built from the formula's own text and constants, with no look at the model; every
float becomes the rational that it is, so that sympy computes without rounding until the last step.
sympy lives here.
"""

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from interpretable_arch.interpretation import Formula

if TYPE_CHECKING:
    import sympy

_BINARY: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: _paired(a, b, lambda x, y: x + y),
    ast.Sub: lambda a, b: _paired(a, b, lambda x, y: x - y),
    ast.Mult: lambda a, b: _paired(a, b, lambda x, y: x * y),
    ast.Div: lambda a, b: _paired(a, b, lambda x, y: x / y),
    ast.Pow: lambda a, b: _paired(a, b, lambda x, y: x**y),
    ast.MatMult: lambda a, b: a * b,
}


def expression(formula: Formula, inputs: Mapping[str, int]) -> "sympy.Basic | sympy.Matrix":
    """The formula at these inputs, whole numbers that index its constants.

    A number or a matrix of exact rationals and functions of them. Raises ValueError for missing
    inputs and for what the language doesn't hold.
    """
    if set(inputs) != set(formula.inputs):
        raise ValueError(f"inputs: wanted {formula.inputs}, got {tuple(inputs)}")
    names = {k: np.asarray(v) for k, v in formula.constants.items()}
    tree = ast.parse(formula.expression, mode="eval").body
    return _lifted(_build(tree, {**names, **{k: int(v) for k, v in inputs.items()}}))


def rerun(formula: Formula, inputs: Mapping[str, int]) -> np.ndarray:
    """What sympy makes of the formula at these inputs, evaluated to 30 digits and rounded once."""
    import sympy

    found = sympy.Matrix([[expression(formula, inputs)]])
    return np.array(found.evalf(30).tolist(), dtype=complex).squeeze()


def _build(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as value):
            return np.asarray(value)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Subscript(value=value, slice=index):
            parts = index.elts if isinstance(index, ast.Tuple) else [index]
            found = [_build(p, names) for p in parts]
            return np.asarray(_build(value, names))[tuple(np.asarray(i) for i in found)]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_lifted(_build(left, names)), _lifted(_build(right, names)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -1 * _lifted(_build(operand, names))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
            return _applied(name, _lifted(_build(argument, names)))
    raise ValueError(f"formula: {ast.unparse(node)!r} is not understood; known: {list(names)}")


def _applied(name: str, value: Any) -> Any:
    import sympy

    known = {n: getattr(sympy, n) for n in ("cos", "exp", "log", "sin", "sqrt", "tanh")}
    function = {**known, "abs": sympy.Abs}.get(name)
    if function is None:
        raise ValueError(f"formula: {name!r} is no function of the language")
    return value.applyfunc(function) if isinstance(value, sympy.MatrixBase) else function(value)


def _paired(a: Any, b: Any, function: Callable[[Any, Any], Any]) -> Any:
    """Entry by entry, a number with every entry, as numpy does."""
    import sympy

    if not isinstance(a, sympy.MatrixBase) and not isinstance(b, sympy.MatrixBase):
        return function(a, b)
    shapes = [x.shape if isinstance(x, sympy.MatrixBase) else (1, 1) for x in (a, b)]
    rows, columns = (max(s[i] for s in shapes) for i in (0, 1))

    def entry(x: Any, i: int, j: int) -> Any:
        if not isinstance(x, sympy.MatrixBase):
            return x
        return x[i if x.shape[0] > 1 else 0, j if x.shape[1] > 1 else 0]

    return sympy.Matrix(
        [[function(entry(a, i, j), entry(b, i, j)) for j in range(columns)] for i in range(rows)]
    )


def _lifted(value: Any) -> Any:
    """numpy values as exact sympy ones: a number, a row for one axis, a matrix for two."""
    import sympy

    if not isinstance(value, np.ndarray | np.generic | int | float | complex):
        return value
    found = np.asarray(value)
    if found.ndim > 2:
        raise ValueError(f"formula: wanted numbers or matrices at the end, got {found.ndim} axes")
    if found.ndim == 0:
        return _exact(found.item())
    return sympy.Matrix([[_exact(x) for x in row] for row in np.atleast_2d(found).tolist()])


def _exact(value: int | float | complex) -> Any:
    import sympy

    if isinstance(value, complex):
        return sympy.Rational(value.real) + sympy.I * sympy.Rational(value.imag)
    return sympy.Rational(value)
