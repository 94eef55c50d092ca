"""The unit sphere S^n in R^(n+1): cos d = <x, y>, computed as d = 2 atan2(|x - y|, |x + y|), which
keeps its digits for close and for opposite points. S^1 is the circle."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.geometry.space import Space, safe_sqrt


@dataclass(frozen=True)
class Sphere(Space):
    """Points are unit vectors; any vector but 0 stands for its direction."""

    @property
    def letter(self) -> Literal["S"]:
        return "S"

    @property
    def geometry(self) -> str:
        return "spherical"

    @property
    def sign(self) -> int:
        return 1

    @property
    def width(self) -> int:
        return self.dimension + 1

    @property
    def widest(self) -> float:
        return math.pi

    def squared_distance(
        self, x: Float[Tensor, "*index width"], y: Float[Tensor, "*index width"]
    ) -> Float[Tensor, "*index"]:
        near, far = ((x - y).square().sum(-1), (x + y).square().sum(-1))
        return 4 * torch.atan2(safe_sqrt(near), safe_sqrt(far)).square()

    def retract(self, x: Float[Tensor, "*index width"]) -> Float[Tensor, "*index width"]:
        """x / |x|; the first pole for a vector 0, which has no direction."""
        pole = torch.zeros_like(x)
        pole[..., 0] = 1
        norm = x.norm(dim=-1, keepdim=True)
        return torch.where(norm > 1e-150, x / norm.clamp_min(1e-150), pole)

    def gram(self, distances: Float[Tensor, "point point"]) -> Float[Tensor, "point point"]:
        return distances.cos()
