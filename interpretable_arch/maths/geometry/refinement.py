"""Refinement of an embedding by descent: the mean of ((d - D) / D)^2 over pairs, made smaller.

The closed form minimises another error, that of its matrix, and puts twins (two leaves of one
branch) on one point; descent from there moves points and radii together. L-BFGS (Liu and Nocedal
1989) with a strong Wolfe line search, float64; a fixed small nudge parts the twins, which have no
gradient apart. A local minimum: what it finds depends on where it starts.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.geometry.distortion import pairs
from interpretable_arch.maths.geometry.scaling import Placed
from interpretable_arch.maths.geometry.space import safe_sqrt

STEPS, NUDGE = 60, 1e-3


def refined(
    factors: tuple[Placed, ...], distances: Float[Tensor, "point point"], steps: int = STEPS
) -> tuple[Placed, ...]:
    """The same factors after at most `steps` steps; flat factors keep their radius."""
    generator = torch.Generator().manual_seed(0)
    points = [_nudged(f, generator) for f in factors]
    log_radii = [torch.tensor(math.log(f.radius), dtype=torch.float64) for f in factors]
    moving = [*points, *(r for r, f in zip(log_radii, factors, strict=True) if f.space.sign)]
    for value in moving:
        value.requires_grad_()
    i, j = pairs(len(distances))

    def squared() -> Tensor:
        parts = []
        for f, x, r in zip(factors, points, log_radii, strict=True):
            y = f.space.retract(x)
            parts.append((2 * r).exp() * f.space.squared_distance(y[i], y[j]))
        return torch.stack(parts).sum(0)

    optimiser = torch.optim.LBFGS(
        moving, max_iter=steps, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = (safe_sqrt(squared()) / distances[i, j] - 1).square().mean()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimiser.step(closure)  # pyright: ignore[reportArgumentType]
    return tuple(
        Placed(f.space, math.exp(float(r.detach())), f.space.retract(x.detach()))
        for f, x, r in zip(factors, points, log_radii, strict=True)
    )


def _nudged(factor: Placed, generator: torch.Generator) -> Float[Tensor, "point width"]:
    """Moved by NUDGE, in units of the radius or, in flat space, of the spread of coordinates."""
    unit = 1.0 if factor.space.sign else float(factor.points.std())
    noise = torch.randn(factor.points.shape, generator=generator, dtype=factor.points.dtype)
    return (factor.points + NUDGE * unit * noise).contiguous().detach()
