"""A formula as a sympy expression, for inputs that are named, and run again by sympy.

The expression is built from the formula's own text and constants, with no look at the model; every
float becomes the rational that it is, so that sympy computes without rounding until the last step.
Arrays are numpy's, of sympy's numbers, so that shapes are as the evaluator's; whole numbers stay
whole and may index. sympy lives here.
"""

import ast
import cmath
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from interpretable_arch.interpretation import Formula

if TYPE_CHECKING:
    import sympy

_ENTRYWISE: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_WHOLE = (ast.Add, ast.Sub, ast.Mult)  # of whole numbers these give whole numbers


def expression(formula: Formula, inputs: Mapping[str, Any]) -> "sympy.Basic | sympy.Matrix":
    """The formula at these inputs: whole numbers, which may index its constants, others, symbols.

    A number or a matrix of exact rationals and functions of them. Raises ValueError for missing
    inputs, for what the language doesn't hold, for constants that are not finite where they are
    used, and for a result, of a step too, that is not: a division by 0, the logarithm of 0.
    """
    import sympy

    if set(inputs) != set(formula.inputs):
        raise ValueError(f"inputs: wanted {formula.inputs}, got {tuple(inputs)}")
    names = {k: np.asarray(v) for k, v in formula.constants.items()}
    tree = ast.parse(formula.expression, mode="eval").body
    given = {k: np.asarray(v) for k, v in inputs.items()}
    found = _lifted(_build(tree, {**names, **given}))
    return found.item() if found.ndim == 0 else sympy.Matrix(np.atleast_2d(found).tolist())


def rerun(formula: Formula, inputs: Mapping[str, int | float]) -> np.ndarray:
    """What sympy makes of the formula at these inputs, evaluated to 30 digits and rounded once."""
    import sympy

    found = sympy.Matrix([[expression(formula, inputs)]])
    return np.array(found.evalf(30).tolist(), dtype=complex).squeeze()


def _build(node: ast.expr, names: Mapping[str, np.ndarray]) -> np.ndarray:
    match node:
        case ast.Constant(value=int() | float() as value):
            return np.asarray(value)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Subscript(value=value, slice=index):
            parts = index.elts if isinstance(index, ast.Tuple) else [index]
            places = tuple(_build(p, names) for p in parts)
            return np.asarray(_build(value, names)[places])
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _build(left, names), _build(right, names)
            if isinstance(op, ast.MatMult):
                return _product(_lifted(one), _lifted(other))
            if type(op) in _ENTRYWISE:
                return _checked(_entrywise(op, one, other), node)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            found = _build(operand, names)
            return np.asarray(-(found if _is_whole(found) else _lifted(found)))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
            return _checked(_applied(name, _lifted(_build(argument, names))), node)
    raise ValueError(f"formula: {ast.unparse(node)!r} is not understood; known: {list(names)}")


def _entrywise(op: ast.operator, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    whole = _is_whole(one) and _is_whole(other)
    if whole and not isinstance(op, _WHOLE):
        whole = isinstance(op, ast.Pow) and bool((other >= 0).all())
    if not whole:
        one, other = _lifted(one), _lifted(other)
    return np.asarray(_ENTRYWISE[type(op)](one, other))


def _product(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """As numpy's: a single axis is a row on the left, a column on the right, and falls away."""
    import sympy

    left = one[None] if one.ndim == 1 else one
    right = other[:, None] if other.ndim == 1 else other
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[0]:
        raise ValueError(f"formula: no matrix product of shapes {one.shape} and {other.shape}")
    product = sympy.Matrix(left.tolist()) * sympy.Matrix(right.tolist())
    found = np.array(product.tolist(), dtype=object)
    return found.reshape(one.shape[:-1] + other.shape[1:])


def _applied(name: str, value: np.ndarray) -> np.ndarray:
    import sympy

    names = ("asin", "asinh", "cos", "exp", "log", "sin", "sqrt", "tanh")
    known = {n: getattr(sympy, n) for n in names}
    function = {**known, "abs": sympy.Abs}.get(name)
    if function is None:
        raise ValueError(f"formula: {name!r} is no function of the language")
    return np.asarray(np.frompyfunc(function, 1, 1)(value))


def _checked(found: np.ndarray, node: ast.expr) -> np.ndarray:
    """Raises ValueError for entries such as 1 / 0."""
    import sympy

    endless = (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo)
    if found.dtype == object and any(x in endless for x in found.flat):
        raise ValueError(f"formula: {ast.unparse(node)!r} is not finite at these inputs")
    return found


def _is_whole(value: np.ndarray) -> bool:
    return value.dtype.kind in "iu"


def _lifted(value: np.ndarray) -> np.ndarray:
    """numpy's numbers as exact ones of sympy: a number, a row, or a matrix."""
    if value.ndim > 2:
        raise ValueError(f"formula: wanted numbers or matrices at the end, got {value.ndim} axes")
    if value.dtype == object:
        return value
    return np.asarray(np.frompyfunc(_exact, 1, 1)(value.astype(object)))


def _exact(value: int | float | complex) -> Any:
    import sympy

    if not cmath.isfinite(value):
        raise ValueError(f"constants: wanted finite numbers, got {value}")
    if isinstance(value, complex):
        return sympy.Rational(value.real) + sympy.I * sympy.Rational(value.imag)
    return sympy.Rational(value)
