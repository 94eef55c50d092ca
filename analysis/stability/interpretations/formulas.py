"""Which formulas are the same: equal on probes to a stated tolerance, or equal as written.

    gap(f, g) = max over probes and entries |f - g| / (largest |f| or |g| met)      in [0, 2]

Numerical equality on random probes finds two polynomials of degree d different with near certainty
(Schwartz 1980, Zippel 1979), and knows no way of writing. Two formulas are compared under the names
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
from scipy.spatial.distance import pdist, squareform
from torch import Tensor

from analysis.stability.interpretations.formula_probes import Probes, probes
from interpretable_arch.interpretation import Formula

TOLERANCE = 1e-6
MOST_WRITTEN = 64  # constants: a table of thousands has no written form that anyone reads


def formula_gaps(
    formulas: Sequence[Formula], points: Probes | None = None
) -> Float[Tensor, "seed seed"]:
    """Largest relative gap of all pairs on the probes; infinite where two can't be the same.

    They can't where their inputs or the shapes of their results differ, or where one is finite at a
    probe and the other not. Costs K times the probes evaluations and one table of distances. Raises
    ValueError for no formulas, and for one that its own language refuses.
    """
    points = probes(formulas) if points is None else points
    return _gaps([_values(formula, points, n) for n, formula in enumerate(formulas)], formulas)


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


def _gaps(
    values: Sequence[np.ndarray | None], formulas: Sequence[Formula]
) -> Float[Tensor, "seed seed"]:
    """One table of distances for each shape of result and each set of finite places."""
    count = len(formulas)
    gaps = np.full((count, count), math.inf)
    np.fill_diagonal(gaps, 0.0)
    kinds: dict[tuple, list[int]] = {}
    for n, value in enumerate(values):
        if value is not None:
            finite = np.isfinite(value)
            kinds.setdefault((value.shape, finite.tobytes()), []).append(n)
    for members in kinds.values():
        rows = np.stack([np.nan_to_num(values[n], nan=0, posinf=0, neginf=0) for n in members])  # pyright: ignore
        gaps[np.ix_(members, members)] = _relative(rows.reshape(len(members), -1))
    return torch.from_numpy(gaps)


def _relative(rows: np.ndarray) -> np.ndarray:
    if np.iscomplexobj(rows):
        largest = np.stack([np.abs(row - rows).max(1, initial=0.0) for row in rows])
    else:
        largest = squareform(pdist(rows, "chebyshev")) if len(rows) > 1 else np.zeros((1, 1))
    size = np.abs(rows).max(1, initial=0.0)
    scale = np.maximum(size[:, None], size[None, :])
    return np.divide(largest, scale, out=np.zeros_like(largest), where=scale > 0)
