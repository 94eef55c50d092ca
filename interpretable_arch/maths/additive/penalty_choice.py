"""How strong the penalty of an additive model is, chosen on the training rows alone.

Each candidate (smooth, ridge) is fitted, without pairs, to all folds but one, and judged on that
one; the least mean loss wins, the first of equals. Row n is in fold n mod `folds`, knots are those
of the rows fitted on, and every fit begins at 0: a fixed function of the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.additive.convex_fit import Kind, Problem, fit_convex
from interpretable_arch.maths.additive.hats import hats, quantile_knots
from interpretable_arch.maths.additive.pure_design import PureDesign, pure_design
from interpretable_arch.maths.additive.purification import Parts, pair_marginals

NEAR = 1e-5  # the gradient norm that is level enough to judge by


@dataclass(frozen=True)
class Penalty:
    """The strengths taken and their loss on the rows kept aside: nats, or half squared distance.

    NaN where there was nothing to choose from.
    """

    smooth: float
    ridge: float
    loss: float


def parts_of(
    x: Float[Tensor, "row feature"], knots: int, coarse: int, pairs: Tensor | None = None
) -> Parts:
    """The knots and the distribution of these rows, with these pairs or with none."""
    fine = quantile_knots(x, knots)
    chosen = torch.zeros(0, 2, dtype=torch.long, device=x.device) if pairs is None else pairs
    at = fine[:, :: (knots - 1) // (coarse - 1)]
    return Parts(fine, hats(x, fine).mean(0), chosen, pair_marginals(x, at, chosen))


def choose_penalty(
    x: Float[Tensor, "row feature"],
    wanted: Float[Tensor, "row output"],
    kind: Kind,
    knots: int,
    smooth: Sequence[float],
    ridge: Sequence[float],
    folds: int,
    steps: int,
) -> Penalty:
    """The candidate that is best on rows kept aside; the only one where there is one."""
    candidates = list(product(smooth, sorted(ridge, reverse=True)))
    if len(candidates) == 1:
        return Penalty(*candidates[0], float("nan"))
    fold = torch.arange(len(x), device=x.device) % folds
    losses = torch.zeros(len(candidates), dtype=torch.float64)
    for f in range(folds):
        kept, aside = fold != f, fold == f
        design = pure_design(parts_of(x[kept], knots, 2), x[kept])
        judged = pure_design(design.parts, x[aside])
        theta = None
        for n, (s, r) in enumerate(candidates):
            problem = design.problem(wanted[kept], kind, s, r)
            theta = _near(problem, theta, steps)
            losses[n] += _loss(judged, wanted[aside], problem, theta) * float(aside.sum())
    best = int(losses.argmin())
    return Penalty(*candidates[best], float(losses[best]) / len(x))


def _near(problem: Problem, start: Tensor | None, steps: int) -> Tensor:
    if start is None:
        free = problem.contrasts.shape[1]
        start = problem.design.new_zeros(problem.design.shape[1], free)
    return fit_convex(problem, start, steps, NEAR).theta


def _loss(judged: PureDesign, wanted: Tensor, problem: Problem, theta: Tensor) -> float:
    outputs = judged.design @ theta @ problem.contrasts.T
    if problem.kind == "values":
        return float((outputs - wanted).square().sum(1).mean()) / 2
    return float(-(wanted * outputs.log_softmax(1)).sum(1).mean())
