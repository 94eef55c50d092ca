"""Which formulas are the same: equal on probes to a stated tolerance, or equal as written.

    gap(f, g) = max over probes of |f - g| / (size + floor), each the largest entry at this probe
    size: of |f| or |g| there;  floor: 1e-9 of the median size, where both come near zero

in [0, 2]. Each probe has its own size, so that a part which matters at small values only is not
lost beside large ones. What is equal on random probes to the tolerance may still differ elsewhere,
or by less; no way of writing is known to this. Two formulas are compared under the names
of their inputs as they are: x - y and y - x are different. The written form is sympy's, expanded,
its numbers rounded; it exists where no input indexes a table.
"""

import ast
import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from analysis.stability.interpretations.formula_probes import Probes, probes
from interpretable_arch.interpretation import Formula

TOLERANCE = 1e-6
FLOOR = 1e-9  # of the median size over probes
LEAST_FINITE = 0.25  # of the probes: on fewer, nothing says that two formulas are the same
MOST_WRITTEN = 64  # constants: a table of thousands has no written form that anyone reads


def formula_gaps(
    formulas: Sequence[Formula], points: Probes | None = None
) -> Float[Tensor, "seed seed"]:
    """Largest relative gap of all pairs on the probes; infinite where two can't be the same.

    They can't where their inputs or the shapes of their results differ, where one is finite at a
    probe and the other not, or where both are finite at less than a quarter of the probes. Costs K
    times the probes evaluations and one table of distances. Raises ValueError for no formulas, one
    that its own language refuses, and where none is finite at a quarter of the probes.
    """
    points = probes(formulas) if points is None else points
    values = [_values(formula, points, n) for n, formula in enumerate(formulas)]
    asked = [value for value in values if value is not None]
    if asked and not any(_finite_enough(value) for value in asked):
        least = math.ceil(LEAST_FINITE * points.count)
        wanted = f"one that is finite at {least} of {points.count} probes"
        raise ValueError(f"formulas: wanted {wanted}, got none of {len(formulas)}")
    return _gaps(values)


def formula_classes(
    gaps: Float[Tensor, "seed seed"], tolerance: float = TOLERANCE
) -> tuple[str, ...]:
    """`formula 1`, ... for each: the classes of the union of 'equal to the tolerance'.

    A chain of equal neighbours is one class. Raises ValueError unless 0 <= tolerance < 2.
    """
    if not 0 <= tolerance < 2:
        raise ValueError(f"tolerance: wanted 0 to 2, got {tolerance}")
    _, found = connected_components((gaps <= tolerance).numpy(), directed=False)
    return tuple(f"formula {number + 1}" for number in found)


def written(formula: Formula, *, digits: int = 6) -> str | None:
    """The canonical text: sympy's expansion with numbers to `digits` significant digits.

    None where an input indexes a constant, or constants are more than `MOST_WRITTEN` numbers.
    Raises ValueError where the formula's own language refuses it.
    """
    import sympy

    from analysis.expression import expression

    size = sum(np.asarray(value).size for value in formula.constants.values())
    if size > MOST_WRITTEN or indexing(formula):
        return None
    symbols = {name: sympy.Symbol(name, real=True) for name in formula.inputs}
    found = expression(formula, symbols)
    return str(sympy.expand(found).evalf(digits))


def indexing(formula: Formula) -> bool:
    """Whether an input stands in the index of a table."""
    tree = ast.parse(formula.expression, mode="eval")
    places = [n.slice for n in ast.walk(tree) if isinstance(n, ast.Subscript)]
    names = {n.id for place in places for n in ast.walk(place) if isinstance(n, ast.Name)}
    return bool(names & set(formula.inputs))


def _values(formula: Formula, points: Probes, number: int) -> np.ndarray | None:
    """Results at every probe [probe, entry]; None where the inputs are other ones."""
    if set(points.values) != set(formula.inputs):
        return None
    rows = []
    with np.errstate(all="ignore"):
        for probe in range(points.count):
            at = {name: values[probe] for name, values in points.values.items()}
            try:
                rows.append(np.atleast_1d(formula.evaluate(**at)))
            except (IndexError, TypeError, KeyError) as error:
                raise ValueError(
                    f"formulas: {formula.name!r} of model {number}: {error}"
                ) from error
    return np.stack(rows)


def _finite_enough(value: np.ndarray) -> bool:
    whole = np.isfinite(value).reshape(len(value), -1).all(1)
    return bool(whole.mean() >= LEAST_FINITE)


def _gaps(values: Sequence[np.ndarray | None]) -> Float[Tensor, "seed seed"]:
    """One table of distances for each shape of result and each set of finite places."""
    count = len(values)
    gaps = np.full((count, count), math.inf)
    np.fill_diagonal(gaps, 0.0)
    kinds: dict[tuple, list[int]] = {}
    for n, value in enumerate(values):
        if value is not None and _finite_enough(value):
            finite = np.isfinite(value)
            kinds.setdefault((value.shape, finite.tobytes()), []).append(n)
    for members in kinds.values():
        rows = np.stack([np.nan_to_num(values[n], nan=0, posinf=0, neginf=0) for n in members])  # pyright: ignore
        gaps[np.ix_(members, members)] = _relative(rows.reshape(*rows.shape[:2], -1))
    return torch.from_numpy(gaps)


def _relative(rows: np.ndarray) -> np.ndarray:
    """All pairs of [formula, probe, entry]: the largest gap in units of the pair's size there."""
    rows = rows.astype(np.result_type(rows.dtype, np.float64))
    size = np.abs(rows).max(2, initial=0.0)
    typical = np.array([np.median(each[each > 0]) if (each > 0).any() else 0.0 for each in size])
    gaps = np.zeros((len(rows), len(rows)))
    for n, row in enumerate(rows):
        apart = np.abs(row - rows).max(2, initial=0.0)
        scale = np.maximum(size[n], size) + FLOOR * np.maximum(typical[n], typical)[:, None]
        gaps[n] = np.divide(apart, scale, out=np.zeros_like(apart), where=scale > 0).max(1)
    return gaps
