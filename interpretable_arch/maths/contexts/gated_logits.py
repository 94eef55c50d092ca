"""The one optimum of a gated mixture in logits: Newton's method, gate by gate.

    loss(alpha) = mean over places of -log softmax(sum_o alpha[g, o] f_o)[y]
                  + l2/2 |alpha - prior|^2

f_o in R^vocab are the features of a place (log-probabilities), g its gate, y what followed. The
loss is a sum over gates of functions of alpha[g] alone, each a log-sum-exp of linear functions plus
a positive multiple of |alpha[g] - prior[g]|^2: strictly convex, so that there is one optimum for
any l2 > 0, the same from every start. Its Hessian, mean Cov(f) + l2, has no eigenvalue below l2. A
gate that no place has keeps its prior.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

ROUNDING = 1e-12
Pieces = Callable[
    [],
    Iterable[
        tuple[Float[Tensor, "place order vocab"], Int[Tensor, " place"], Int[Tensor, " place"]]
    ],
]


@dataclass(frozen=True, eq=False)
class Slopes:
    """Loss, gradient and Hessian blocks, per gate, in nats a place of the whole text; the
    `places` of each gate."""

    loss: Float[Tensor, " gate"]
    gradient: Float[Tensor, "gate order"]
    hessian: Float[Tensor, "gate order order"]
    places: Int[Tensor, " gate"]


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where Newton's method stopped, after `steps` steps, and how level it is there.

    `least_curvature` is the Hessian's least eigenvalue, with the ridge; `free_curvature` is without
    it, over the gates that have a place and the orders that any of their features move: 0 where
    only the ridge decides, NaN without places. `places` says on how many places each gate rests.
    """

    alpha: Float[Tensor, "gate order"]
    gradient_norm: float
    least_curvature: float
    loss: float
    steps: int
    free_curvature: float
    places: Int[Tensor, " gate"]


def fit_gates(
    pieces: Pieces,
    start: Float[Tensor, "gate order"],
    prior: Float[Tensor, "gate order"],
    l2: float,
    steps: int,
    tolerance: float,
) -> Optimum:
    """The optimum from `start`, in float64. `pieces()` gives features, gates and answers anew.

    Each gate takes whole Newton steps, halved while its own loss rises; it stops when the joint
    gradient norm is at most `tolerance` or after `steps` steps, which the result shows.
    """
    alpha, prior = start.double(), prior.double()
    at, taken = slopes(pieces, alpha, prior, l2), 0
    while float(at.gradient.norm()) > tolerance and taken < steps:
        step, taken = torch.linalg.solve(at.hessian, at.gradient), taken + 1
        size = torch.ones_like(alpha[:, :1])
        new = slopes(pieces, alpha - step, prior, l2)
        # So close to the optimum that only rounding is left, a rise says nothing.
        while bool((worse := new.loss - at.loss > ROUNDING * at.loss.abs()).any()):
            size = torch.where(worse[:, None], size / 2, size)
            new = slopes(pieces, alpha - size * step, prior, l2)
        alpha, at = alpha - size * step, new
    return Optimum(
        alpha,
        float(at.gradient.norm()),
        float(torch.linalg.eigvalsh(at.hessian).min()),
        float(at.loss.sum()),
        taken,
        _free_curvature(at, l2),
        at.places,
    )


def _free_curvature(at: Slopes, l2: float) -> float:
    had = at.hessian[at.places > 0]
    bare = had - l2 * torch.eye(had.shape[-1], dtype=had.dtype, device=had.device)
    moved = bare.diagonal(dim1=-2, dim2=-1) > ROUNDING
    # An order that no feature moves has an empty row: out of the way, above all other eigenvalues.
    above = torch.diag_embed((~moved) * (1 + bare.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True)))
    least = torch.linalg.eigvalsh(bare + above)[:, 0].where(moved.any(-1), 0.0)
    return max(0.0, float(least.min())) if len(least) else float("nan")


def slopes(
    pieces: Pieces,
    alpha: Float[Tensor, "gate order"],
    prior: Float[Tensor, "gate order"],
    l2: float,
) -> Slopes:
    """Loss, gradient and Hessian at alpha, summed over the pieces in float64."""
    gates, orders = alpha.shape
    loss, gradient = alpha.new_zeros(gates), alpha.new_zeros(gates, orders)
    hessian = alpha.new_zeros(gates, orders, orders)
    had = torch.zeros(gates, dtype=torch.long, device=alpha.device)
    for features, gate, answer in pieces():
        had += torch.bincount(gate, minlength=gates)
        features = features.double()
        logits = torch.einsum("no,nov->nv", alpha[gate], features)
        log_p = logits.log_softmax(-1)
        answers = answer[:, None]
        loss.index_add_(0, gate, -log_p.gather(1, answers).squeeze(1))
        root = (log_p / 2).exp()
        mean = torch.einsum("nv,nov->no", root.square(), features)
        right = features.gather(2, answers[:, None].expand(-1, orders, 1)).squeeze(2)
        gradient.index_add_(0, gate, mean - right)
        spread = (features - mean[..., None]) * root[:, None]
        hessian.index_add_(0, gate, spread @ spread.mT)
    places = max(1, int(had.sum()))
    ridge = l2 * torch.eye(orders, dtype=alpha.dtype, device=alpha.device)
    return Slopes(
        loss / places + l2 / 2 * (alpha - prior).square().sum(-1),
        gradient / places + l2 * (alpha - prior),
        hessian / places + ridge,
        had,
    )
