"""The scale of each unit that carries one model's unit closest to another's, as both sides move.

    min over s > 0 of ||s x - y||^2 + ||p / s - q||^2 = a s^2 - 2 b s + c / s^2 - 2 d / s + const
    a = ||x||^2, b = x . y of the direct side;  c = ||p||^2, d = p . q of the dual one

One number a unit, no unit bound to another: log s is looked for on a grid that is narrowed about
its best point, all units at once. The global minimum but for a second valley between two points of
the first grid.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.symmetries.groups import Pairs

POINTS, LARGEST_LOG = 33, 6.0
ROUNDS = 7  # each sixteen times finer: log s to 1e-8 in the end

Scales = Float[Tensor, "copies n"]


def fit_scale(pairs: Pairs) -> Scales:
    """The scales [copies, n] of least cost, within e^-6 and e^6; 1 where none is better than 1."""
    like = pairs[0][0]
    a, b, c, d = (torch.zeros(like.shape[:2], dtype=torch.float64) for _ in range(4))
    for x, y, side in pairs:
        square, product = x.double().square().sum(-1), (x.double() * y.double()).sum(-1)
        if side == "dual":
            c, d = c + square, d + product
        else:
            a, b = a + square, b + product

    def cost(log: Float[Tensor, "*grid copies n"]) -> Float[Tensor, "*grid copies n"]:
        s = log.exp()
        return s * (a * s - 2 * b) + (c / s - 2 * d) / s

    middle, reach = torch.zeros_like(a), LARGEST_LOG
    for _ in range(ROUNDS):
        steps = torch.linspace(-reach, reach, POINTS, dtype=a.dtype)
        grid = middle + steps[:, None, None]
        best = cost(grid).argmin(0, keepdim=True)
        middle = grid.gather(0, best)[0].clamp(-LARGEST_LOG, LARGEST_LOG)
        reach *= 2 / (POINTS - 1)
    better = cost(middle) < cost(torch.zeros_like(middle))
    found = torch.where(better, middle.exp(), 1.0)
    return found.to(like.dtype)
