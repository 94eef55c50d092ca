"""Quadratic forms as polynomials of named inputs, x0, x1, ..., in the language of formulas.

    A[0, 0] + x0 * (2 A[0, 1] + A[1, 1] x0 + 2 A[1, 2] x1 + ...) + x1 * (...) + ...

One sum per leading input keeps the expression flat enough to be parsed for hundreds of inputs.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.interpretation import Formula

TRIED = 64  # random inputs on which the stated error was measured


def polynomial_formula(matrices: Float[Tensor, "output d d"], model: Any) -> Formula:
    """The logits of all classes, one row of coefficients each monomial.

    `matrices` are of (1, inputs); the error is the largest on random inputs of the model's scale.
    """
    d = matrices.shape[-1]
    rows, columns = torch.triu_indices(d, d, device=matrices.device)
    both = torch.where(rows == columns, 1.0, 2.0) * matrices[:, rows, columns]
    names = tuple(f"x{i}" for i in range(d - 1))
    made = Formula("logits", _expression(d), names, {"A": both.T.cpu().numpy()}, "logits", 0.0)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(TRIED, d - 1, generator=generator).to(matrices) * model.scale
    x = drawn + model.centre
    found = made.evaluate(**{n: x[:, i : i + 1].cpu().numpy() for i, n in enumerate(names)})
    error = float((torch.from_numpy(found).to(x) - model(x)).abs().max())
    return Formula(made.name, made.expression, names, made.constants, made.quantity, 2 * error)


def _expression(d: int) -> str:
    """A[m] is the coefficient of the m-th monomial x_i x_j, i <= j, with the constant first."""
    terms, row = ["A[0]"], d
    terms += [f"A[{j}]*x{j - 1}" for j in range(1, d)]
    for i in range(1, d):
        inner = [f"A[{row + j - i}]*x{j - 1}" for j in range(i, d)]
        terms.append(f"x{i - 1}*({' + '.join(inner)})")
        row += d - i
    return " + ".join(terms)
