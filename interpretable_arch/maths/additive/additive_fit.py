"""An additive model from rows: the penalty, the pairs, then the one optimum of everything.

Penalty and pairs are fixed functions of the rows (`penalty_choice`, `pair_choice`), so that from
there on there is one strictly convex problem (`convex_fit`), and random starts meet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interpretable_arch.maths.additive.convex_fit import (
    Kind,
    Optimum,
    Problem,
    fit_convex,
    gradient_rows,
)
from interpretable_arch.maths.additive.pair_choice import pair_gains, strongest
from interpretable_arch.maths.additive.penalty_choice import Penalty, choose_penalty, parts_of
from interpretable_arch.maths.additive.pure_design import (
    PureDesign,
    cell_penalty,
    pure_design,
)
from interpretable_arch.maths.additive.purification import Parts, purified
from interpretable_arch.maths.constant_columns import constant

LEVEL = 1e-11


@dataclass(frozen=True)
class Settings:
    """Sizes and candidates; see the model's own config."""

    knots: int
    coarse: int
    pairs: int
    smooth: Sequence[float]
    ridge: Sequence[float]
    folds: int
    steps: int


@dataclass(frozen=True, eq=False)
class AdditiveFit:
    """The optimum as pure parameters, and what is known of it.

    `least_curvature` bounds the Hessian's least eigenvalue from below, everywhere; `unseen` counts
    the directions that no training row moves, which the penalty alone decides; `concurvity` is the
    largest share of the variance of one feature's function that a linear combination of the others
    explains; `clearance` is how clear the choice of pairs was.
    """

    parts: Parts
    values: Float[Tensor, "parameter output"]
    optimum: Optimum
    penalty: Penalty
    least_curvature: float
    unseen: int
    concurvity: float
    clearance: float


def fit_additive(
    x: Float[Tensor, "row feature"],
    wanted: Float[Tensor, "row output"],
    kind: Kind,
    settings: Settings,
    start: Callable[[Parts], Float[Tensor, "parameter output"]],
) -> AdditiveFit:
    """The optimum on rows x, in float64, from `start` of the parts that were chosen.

    Values are fitted less their mean in units of their standard deviation, classes as they are.
    Neither moves the optimum: the intercept of values has no penalty, and the loss is quadratic.
    """
    s = settings
    mean, scale = _units(wanted) if kind == "values" else (torch.zeros_like(wanted[0]), 1.0)
    wanted = (wanted - mean) / scale
    penalty = choose_penalty(x, wanted, kind, s.knots, s.smooth, s.ridge, s.folds, s.steps)
    parts, clearance = _chosen_parts(x, wanted, kind, s, penalty)
    design = pure_design(parts, x)
    problem = design.problem(wanted, kind, penalty.smooth, penalty.ridge)
    Q = problem.contrasts
    begun = design.coordinates(purified(parts, start(parts)))
    begun[0] -= mean
    begun = begun @ Q / scale
    found = fit_convex(problem, begun, s.steps, LEVEL)
    values = design.expanded(found.theta @ Q.T) * scale
    values[0] += mean
    return AdditiveFit(
        parts,
        values,
        found,
        penalty,
        _least_curvature(problem),
        design.design.shape[1] - int(torch.linalg.matrix_rank(design.design)),
        _concurvity(design, values, ~constant(x)),
        clearance,
    )


def _units(wanted: Float[Tensor, "row output"]) -> tuple[Float[Tensor, " output"], float]:
    """The mean of each output, exact where it is constant, and the spread of all; 1 for none."""
    still = constant(wanted)
    mean = torch.where(still, wanted[0], wanted.mean(0))
    spread = torch.where(still, 0.0, wanted - mean).square().mean().sqrt()
    return mean, float(spread) or 1.0


def _chosen_parts(
    x: Tensor, wanted: Tensor, kind: Kind, s: Settings, penalty: Penalty
) -> tuple[Parts, float]:
    alone = parts_of(x, s.knots, s.coarse)
    if not s.pairs:
        return alone, 1.0
    problem = pure_design(alone, x).problem(wanted, kind, penalty.smooth, penalty.ridge)
    zero = x.new_zeros(problem.design.shape[1], problem.contrasts.shape[1])
    residual = gradient_rows(problem, fit_convex(problem, zero, s.steps, LEVEL).theta)
    cells = cell_penalty(s.coarse, penalty.smooth, penalty.ridge).to(x)
    curvature = 0.5 if kind == "classes" else 1.0
    at = alone.knots[:, :: alone.step]
    pairs, gains = pair_gains(x, at, residual, cells, curvature, ~constant(x))
    chosen, clearance = strongest(pairs, gains, s.pairs)
    return parts_of(x, s.knots, s.coarse, chosen), clearance


def _least_curvature(problem: Problem) -> float:
    """Of the penalty, which all curvature of a convex loss is added to; of values, exact."""
    bent = problem.penalty
    if problem.kind == "values":
        bent = bent + problem.design.T @ problem.design / len(problem.design)
    return float(torch.linalg.eigvalsh(bent)[0])


def _concurvity(
    design: PureDesign, values: Float[Tensor, "parameter output"], varies: Bool[Tensor, " feature"]
) -> float:
    """Over features and outputs; 0 with fewer than two features that vary."""
    d, k = design.parts.knots.shape
    theta = design.coordinates(values)
    free = k - 1
    columns = design.design[:, 1 : 1 + d * free].unflatten(1, (d, free))
    functions = torch.einsum("ndk,dkc->cnd", columns, theta[1 : 1 + d * free].unflatten(0, (d, -1)))
    functions = functions[..., varies]
    if functions.shape[-1] < 2:
        return 0.0
    shares = [_explained(f, i) for f in functions for i in range(f.shape[1])]
    return max(shares)


def _explained(functions: Float[Tensor, "row feature"], i: int) -> float:
    centred = functions - functions.mean(0)
    power = centred.square().sum(0)
    if not float(power[i]) > 0:
        return 0.0
    others = torch.cat([centred[:, :i], centred[:, i + 1 :]], 1)
    rest = (
        centred[:, i] - others @ torch.linalg.lstsq(others, centred[:, i], driver="gelsd").solution
    )
    return 1 - float(rest.square().sum() / power[i])
