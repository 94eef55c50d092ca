"""Classes by quadratic forms: the one optimum of a strictly convex loss, by Newton's method.

    loss(M) = mean over examples of -log softmax_c(x M_c x^T)[y] + l2/2 sum_c |M_c|^2

The logits are linear in M, so that the loss is convex, and with l2 > 0 strongly so: its curvature
is nowhere less than l2, and |M - optimum| <= |gradient| / l2 (Boyd and Vandenberghe 2004, 9.1.2).
l2 is the least curvature itself: what is added to all classes alike, the cross-entropy can't see.
Each step solves with the Hessian by conjugate gradients and halves what it finds until the loss has
fallen (Nocedal and Wright 2006, 7.1). Neither the Hessian nor the monomials are ever built.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.maths.symmetric_forms import values

ENOUGH = 1e-4  # of the decrease that the slope promises
SHORTEST = 2.0**-30
CURVED = 2000  # products with the Hessian a step, at most
Forms = Float[Tensor, "form d d"]


@dataclass(frozen=True)
class FormFit:
    """The symmetric matrices found, the loss (nats, with the penalty) and Newton steps taken."""

    matrices: Forms
    loss: float
    gradient_norm: float
    steps: int


def fit_forms(
    x: Float[Tensor, "example d"],
    targets: Int[Tensor, " example"],
    start: Forms,
    l2: float,
    level: float = 1e-12,
    steps: int = 100,
) -> FormFit:
    """Minimise from symmetric `start` until the joint gradient norm is below `level`, or stalls."""
    M = start
    loss, gradient, p = loss_and_gradient(x, targets, M, l2)
    taken = 0
    while taken < steps and float(gradient.norm()) > level:
        direction = _newton_direction(x, p, gradient, l2)
        slope = float((gradient * direction).sum())
        length = 1.0
        while length > SHORTEST:
            tried = loss_and_gradient(x, targets, M + length * direction, l2)
            fell = tried[0] <= loss + ENOUGH * length * slope
            # At the end the loss is flat to rounding, and the gradient tells more.
            if fell or float(tried[1].norm()) < 0.5 * float(gradient.norm()):
                break
            length /= 2
        else:
            break
        M, taken = M + length * direction, taken + 1
        loss, gradient, p = tried
    return FormFit(M, loss, float(gradient.norm()), taken)


def loss_and_gradient(
    x: Float[Tensor, "example d"], targets: Int[Tensor, " example"], M: Forms, l2: float
) -> tuple[float, Forms, Float[Tensor, "example form"]]:
    """The loss, its gradient over the matrices, and the probabilities."""
    log_p = values(x, M).log_softmax(-1)
    p = log_p.exp()
    missed = p - torch.nn.functional.one_hot(targets, len(M))
    loss = -log_p.gather(1, targets[:, None]).mean() + l2 / 2 * M.square().sum()
    return float(loss), _summed(x, missed) + l2 * M, p


def _summed(x: Tensor, weights: Float[Tensor, "example form"]) -> Forms:
    """Mean over examples of weight_c x x^T, symmetric to the last bit."""
    found = torch.einsum("nc,ni,nj->cij", weights / len(x), x, x)
    return (found + found.mT) / 2


def _newton_direction(x: Tensor, p: Tensor, gradient: Forms, l2: float) -> Forms:
    """-H^-1 gradient by conjugate gradients, the more exactly the smaller the gradient."""
    wanted = float(gradient.norm()) * min(0.1, float(gradient.norm()) ** 0.5)
    found, left = torch.zeros_like(gradient), -gradient
    along, power = left.clone(), float(left.square().sum())
    for _ in range(CURVED):
        moved = values(x, along)
        curved = p * (moved - (p * moved).sum(1, keepdim=True))
        product = _summed(x, curved) + l2 * along
        size = power / float((along * product).sum())
        found, left = found + size * along, left - size * product
        before, power = power, float(left.square().sum())
        if power**0.5 <= wanted:
            break
        along = left + power / before * along
    return found
