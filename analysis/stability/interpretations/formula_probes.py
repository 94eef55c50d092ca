"""Inputs on which formulas of K models are run: random, the same for all.

An input that indexes a table in any of the formulas is a whole number below the shortest axis that
it indexes; one that is only counted with, as `x0` in `m**x0`, is drawn uniformly from `between`, on
the first half of the probes as it is, on the second with a random sign: |x| and x are told apart,
and formulas that signs make complex or infinite are compared on the first half.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from interpretable_arch.interpretation import Formula


@dataclass(frozen=True, eq=False)
class Probes:
    """`count` values of each named input."""

    values: Mapping[str, np.ndarray]
    count: int


def probes(
    formulas: Sequence[Formula],
    count: int = 64,
    *,
    between: tuple[float, float] = (0.1, 2.0),
    seed: int = 0,
) -> Probes:
    """Random values for the inputs of the first formula, fit for those of all that share them.

    Raises ValueError for no formulas, fewer than one probe, or an empty range.
    """
    if not formulas:
        raise ValueError("formulas: wanted at least one, got none")
    if count < 1 or not between[0] < between[1]:
        raise ValueError(f"count, between: wanted >= 1 and a range, got {count} and {between}")
    generator = np.random.default_rng(seed)
    alike = [f for f in formulas if set(f.inputs) == set(formulas[0].inputs)]
    shortest: dict[str, int] = {}
    for formula in alike:
        for name, size in _indexed(formula).items():
            shortest[name] = min(size, shortest.get(name, size))
    values: dict[str, np.ndarray] = {}
    for name in sorted(formulas[0].inputs):
        if name in shortest:
            values[name] = generator.integers(0, shortest[name], count)
            continue
        signs = generator.choice((-1.0, 1.0), count)
        signs[: (count + 1) // 2] = 1.0
        values[name] = signs * generator.uniform(*between, count)
    return Probes(values, count)


def _indexed(formula: Formula) -> dict[str, int]:
    """Each input that indexes a constant, and the length of the axis."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(formula.expression, mode="eval")):
        if not isinstance(node, ast.Subscript):
            continue
        places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        table = node.value.id if isinstance(node.value, ast.Name) else ""
        shape = np.shape(formula.constants[table]) if table in formula.constants else ()
        for axis, place in enumerate(places):
            names = [n.id for n in ast.walk(place) if isinstance(n, ast.Name)]
            for name in set(names) & set(formula.inputs):
                size = shape[axis] if axis < len(shape) else 1
                found[name] = min(size, found.get(name, size))
    return found
