"""Sign of a hidden unit of a KAN: h -> -h, which no function of the network notices.

silu(x) - silu(-x) = x, and a straight line is a spline that "extend" keeps off the grid too. So
with phi(h) = w silu(h) + S(h) the mirrored edge phi(-h) = w silu(h) + (S(-h) - w h) is of the same
form: the coefficients turn round and lose w times those of the line, and the grid is mirrored.
"""

from dataclasses import dataclass

from torch import Tensor

from interpretable_arch.maths.splines import straight
from interpretable_arch.symmetry import Factor, Parameters


@dataclass(frozen=True)
class Flip(Factor):
    """Acts by signs [1, unit] on six tensors, in this order: W_b and C of the layer that writes
    the units, W_b, C, ends and seen of the layer that reads them."""

    def act(self, g: Tensor, parameters: Parameters) -> dict[str, Tensor]:
        b_in, c_in, b_out, c_out, ends, seen = (a.parameter for a in self.actions)
        old, sign = dict(parameters), g[0].to(parameters[b_in])
        mirrored = -old[ends].flip(-1)
        grid = old[c_out].shape[1] - 3
        line = straight(mirrored, grid)[..., None] * old[b_out][:, None]
        turned = sign[:, None, None] < 0
        return old | {
            b_in: old[b_in] * sign,
            c_in: old[c_in] * sign,
            c_out: (old[c_out].flip(1) - line).where(turned, old[c_out]),
            ends: mirrored.where(turned[..., 0], old[ends]),
            seen: (-old[seen].flip(-1)).where(turned[..., 0], old[seen]),
        }
