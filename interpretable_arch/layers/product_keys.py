"""Product keys: M^2 experts called by two keys of M each (Lample et al. 2019, arXiv 1907.05242).

Expert (i, j), the number i M + j, scores r1_i + r2_j. The k best of all M^2 are among the k x k
pairs of the k best of either key, so that 2 M scores are looked at and never M^2. Swapping the two
keys transposes the grid of experts, which the actions here say to `symmetry`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.layers.routing import Routing, softmax_of_chosen
from interpretable_arch.symmetry import Action


def check_k(k: int, keys: int) -> None:
    """Raises ValueError unless k is 2 to `keys`."""
    if not 2 <= k <= keys:
        why = "; one gate alone is always 1, so the keys would never learn" if k == 1 else ""
        raise ValueError(f"k: wanted 2 to keys = {keys}, got {k}{why}")


def sparse_softmax(r: Float[Tensor, "*index key"], k: int) -> Float[Tensor, "*index key"]:
    """Softmax over the k largest; zero elsewhere, so that they sum to 1."""
    indices = r.detach().topk(k, -1).indices
    return Routing(indices, softmax_of_chosen(r, indices), r.shape[-1]).dense()


def best_pairs(
    first: Float[Tensor, "*index key"], second: Float[Tensor, "*index key"], k: int
) -> tuple[Float[Tensor, "*index slot"], Int[Tensor, "*index slot"]]:
    """The k largest of r1_i + r2_j over all pairs, largest first, and their numbers i M + j."""
    r1, i = first.topk(k, -1)
    r2, j = second.topk(k, -1)
    best, at = (r1[..., :, None] + r2[..., None, :]).flatten(-2).topk(k, -1)
    return best, i.gather(-1, at // k) * first.shape[-1] + j.gather(-1, at % k)


def summed(
    indices: Int[Tensor, "*index slot"], gates: Float[Tensor, "*index slot"], experts: int
) -> Float[Tensor, "*index expert"]:
    """The gate of every expert; one that several heads call gets the sum of their gates."""
    nothing = gates.new_zeros((*gates.shape[:-1], experts))
    return nothing.scatter_add(-1, indices, gates)


def merged(dense: Float[Tensor, "*index expert"], slots: int) -> Routing:
    """The routing of all heads together, largest gate first, from their summed gates.

    Heads that agree leave slots over: these hold gate 0.
    """
    gates, indices = dense.topk(min(slots, dense.shape[-1]), -1)
    return Routing(indices, gates, dense.shape[-1])


@dataclass(frozen=True)
class OneKey(Action):
    """Acts on one of the two keys, `which`, stacked along a leading axis that `axis` skips."""

    which: int = 0

    def view(self, value: Tensor) -> Tensor:
        return super().view(value[self.which])

    def unview(self, viewed: Tensor, like: Tensor) -> Tensor:
        parts = list(like.unbind(0))
        parts[self.which] = super().unview(viewed, parts[self.which])
        return torch.stack(parts)


@dataclass(frozen=True)
class Transposed(Action):
    """A grid [first key, second key, ..] of experts under the swap of its two keys."""

    def view(self, value: Tensor) -> Tensor:
        return torch.stack((value, value.transpose(0, 1))).flatten(1)[None]

    def unview(self, viewed: Tensor, like: Tensor) -> Tensor:
        return viewed[0, 0].reshape(like.shape)
