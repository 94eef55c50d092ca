"""The logits of a quadratic form as polynomials of the features: exact ones, and their main terms.

Each class's polynomial is made from the model's own formula, its coefficients the rationals that
the floats are, and worked out again at held-out inputs in exact arithmetic. For the eye, the terms
are those of the centred and scaled features, by how much they vary over held-out inputs.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from interpretable_arch.interpretation import Formula
from interpretable_arch.models.quadratic_form import QuadraticForm
from training.data.task import Split, Task

if TYPE_CHECKING:
    from sympy.polys.rings import PolyElement

INPUTS = 2
SHOWN = 6
MOST = 100_000  # coefficients: more would take minutes


def read_polynomials(model: nn.Module, task: Task) -> Finding | None:
    """Main terms per class and the polynomials run again; None for other models."""
    if not isinstance(model, QuadraticForm) or not isinstance(task.held_out, Split):
        return None
    inputs = task.sample[:INPUTS].to(model.form)
    formula = model.interpretation().formulas[0]
    count = len(formula.constants["A"]) * len(task.labels)
    figures = {"coefficients": float(count)}
    if count <= MOST:
        classes = polynomials(formula)
        rows = [values(classes, row) for row in inputs.tolist()]
        found = torch.tensor(rows, dtype=inputs.dtype, device=inputs.device)
        figures["logits by exact polynomials, apart"] = float((found - model(inputs)).abs().max())
    note = f"On {len(inputs)} held-out inputs, in exact arithmetic rounded once at the end."
    return Finding("Polynomials", figures, (_terms(model, task),), (note,))


def polynomials(formula: Formula) -> tuple["PolyElement", ...]:
    """Each class's logit over the rationals, sparse, in the formula's inputs.

    `as_expr()` of one is its sympy expression.
    """
    from sympy.polys.domains import QQ
    from sympy.polys.rings import PolyRing

    d = len(formula.inputs)
    ring = PolyRing(formula.inputs, QQ)
    powers = [(0,) * d, *(_power(d, i) for i in range(d))]
    powers += [_power(d, i, j) for i in range(d) for j in range(i, d)]
    rows = formula.constants["A"].T.tolist()
    return tuple(
        ring.from_dict(
            {p: QQ(*c.as_integer_ratio()) for p, c in zip(powers, row, strict=True) if c}
        )
        for row in rows
    )


def values(classes: Sequence["PolyElement"], point: Sequence[float]) -> list[float]:
    """The polynomials at a point, exact until the last rounding."""
    x = [Fraction(value) for value in point]
    found = []
    for polynomial in classes:
        total = Fraction(0)
        for powers, coefficient in polynomial.terms():
            term = Fraction(int(coefficient.numerator), int(coefficient.denominator))
            for place in (k for k, power in enumerate(powers) if power):
                term *= x[place] ** powers[place]
            total += term
        found.append(float(total))
    return found


def _power(d: int, *places: int) -> tuple[int, ...]:
    return tuple(places.count(k) for k in range(d))


def _terms(model: QuadraticForm, task: Task) -> Table:
    """Per class the terms that vary most over held-out inputs, of scaled features."""
    x = model.homogeneous(task.probe.inputs.to(model.form))
    M, rows = model.matrices(), []
    i, j = torch.triu_indices(M.shape[-1], M.shape[-1])
    spread = _spread(x, i, j)
    for label, form in zip(task.labels, M, strict=True):
        coefficients = torch.where(i == j, 1.0, 2.0) * form[i, j]
        size = coefficients.abs() * spread
        best = size.argsort(descending=True)[:SHOWN].tolist()
        text = " ".join(
            f"{float(coefficients[t]):+.3g} {_monomial(task, int(i[t]), int(j[t]))}" for t in best
        )
        rows.append((label, text, float(size[best].square().sum() / size.square().sum())))
    columns = ("class", "main terms, of scaled features", "their share of the squared sizes")
    return Table("Logits as polynomials", columns, tuple(rows))


def _spread(x: Float[Tensor, "input d"], i: Tensor, j: Tensor) -> Float[Tensor, " term"]:
    """Standard deviation of each monomial over the inputs, without building all at once."""
    mean = torch.einsum("ni,nj->ij", x, x) / len(x)
    square = torch.einsum("ni,nj->ij", x.square(), x.square()) / len(x)
    return (square - mean.square()).clamp_min(0).sqrt()[i, j]


def _monomial(task: Task, i: int, j: int) -> str:
    names = [_name(task, place - 1) for place in (i, j) if place]
    return f"{names[0]}^2" if i == j and names else " ".join(names)


def _name(task: Task, place: int) -> str:
    if task.picture is not None:
        return "p{},{}".format(*divmod(place, task.picture[1]))
    named: tuple[str, ...] = getattr(task, "features", ())
    return named[place] if named else f"x{place}"
