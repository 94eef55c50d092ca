"""The one optimum of a linear model under a quadratic penalty, by Newton's method, in float64.

    loss(theta) = mean over rows of l(y, phi theta Q^T) + 1/2 sum_c theta_c^T S theta_c

l is the cross-entropy of classes, with Q an orthonormal basis of the logits that sum to 0, or half
the squared distance of values, with Q = 1. Both are convex and S is positive definite, so that
there is one optimum, the same from every start. Newton's equations are solved by conjugate
gradients. The cross-entropy has no more curvature than 1/2 phi^T phi (Boehning 1992), which with S
is what they are preconditioned by.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Kind = Literal["classes", "values"]
ROUNDING = 1e-13
MOST_DIRECTIONS = 500


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows phi, the wanted outputs (one-hot for classes), and the penalty S."""

    design: Float[Tensor, "row coordinate"]
    wanted: Float[Tensor, "row output"]
    penalty: Float[Tensor, "coordinate coordinate"]
    kind: Kind

    @property
    def contrasts(self) -> Float[Tensor, "output free"]:
        """Q."""
        return contrasts(self.wanted.shape[1], self.kind).to(self.design)


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where Newton's method stopped, and how level it is there; `loss` has the penalty in it."""

    theta: Float[Tensor, "coordinate free"]
    gradient_norm: float
    loss: float
    steps: int


def contrasts(outputs: int, kind: Kind) -> Float[Tensor, "output free"]:
    """For classes, orthonormal columns that sum to 0 (Helmert's); for values, the identity."""
    if kind == "values":
        return torch.eye(outputs, dtype=torch.float64)
    rows = torch.arange(outputs)[:, None]
    k = torch.arange(1, outputs)[None]
    found = torch.where(rows < k, 1.0, torch.where(rows == k, -k.double(), 0.0)).double()
    return found / found.norm(dim=0).clamp_min(1.0)


def fit_convex(
    problem: Problem, start: Float[Tensor, "coordinate free"], steps: int, tolerance: float
) -> Optimum:
    """The optimum from `start`; it stops at a gradient norm of `tolerance` or after `steps` steps,
    which the result shows."""
    Q = problem.contrasts
    curvature = 0.5 if problem.kind == "classes" else 1.0
    bound = problem.design.T @ problem.design * (curvature / len(problem.design))
    factor = torch.linalg.cholesky(bound + problem.penalty)
    theta, taken = start.double(), 0
    loss, gradient, p = _slopes(problem, Q, theta)
    while float(gradient.norm()) > tolerance and taken < steps:
        step, taken = _newton_step(problem, Q, p, gradient, factor, tolerance), taken + 1
        size = 1.0
        new = _slopes(problem, Q, theta - step)
        # So close to the optimum that only rounding is left, a rise says nothing.
        while float(new[0] - loss) > ROUNDING * abs(float(loss)) and size > 1e-6:
            size /= 2
            new = _slopes(problem, Q, theta - size * step)
        theta = theta - size * step
        loss, gradient, p = new
    return Optimum(theta, float(gradient.norm()), float(loss), taken)


def gradient_rows(
    problem: Problem, theta: Float[Tensor, "coordinate free"]
) -> Float[Tensor, "row output"]:
    """What each row's outputs should still move by: wanted less what the model says."""
    _, _, said = _slopes(problem, problem.contrasts, theta)
    return problem.wanted - said


def _slopes(
    problem: Problem, Q: Tensor, theta: Tensor
) -> tuple[Float[Tensor, ""], Float[Tensor, "coordinate free"], Float[Tensor, "row output"]]:
    """Loss, gradient, and the probabilities (or values) of each row."""
    outputs = problem.design @ theta @ Q.T
    pull = problem.penalty @ theta
    ridge = (pull * theta).sum() / 2
    if problem.kind == "values":
        said = outputs
        loss = (outputs - problem.wanted).square().sum(1).mean() / 2
    else:
        log_p = outputs.log_softmax(1)
        said = log_p.exp()
        loss = -(problem.wanted * log_p).sum(1).mean()
    gradient = problem.design.T @ ((said - problem.wanted) @ Q) / len(problem.design) + pull
    return loss + ridge, gradient, said


def _newton_step(
    problem: Problem, Q: Tensor, p: Tensor, gradient: Tensor, factor: Tensor, tolerance: float
) -> Float[Tensor, "coordinate free"]:
    """Conjugate gradients for Hessian step = gradient."""
    step, left = torch.zeros_like(gradient), gradient
    level = max(0.1 * tolerance, float(gradient.norm()) * min(0.1, float(gradient.norm())))
    ahead = torch.cholesky_solve(left, factor)
    along, power = ahead, (left * ahead).sum()
    for _ in range(MOST_DIRECTIONS):
        bent = _curvature(problem, Q, p, along)
        size = power / (along * bent).sum()
        step, left = step + size * along, left - size * bent
        if float(left.norm()) <= level:
            break
        ahead = torch.cholesky_solve(left, factor)
        again = (left * ahead).sum()
        along, power = ahead + again / power * along, again
    return step


def _curvature(problem: Problem, Q: Tensor, p: Tensor, along: Tensor) -> Tensor:
    """The Hessian times a direction."""
    moved = problem.design @ along @ Q.T
    if problem.kind == "classes":
        moved = p * (moved - (p * moved).sum(1, keepdim=True))
    return problem.design.T @ (moved @ Q) / len(moved) + problem.penalty @ along
