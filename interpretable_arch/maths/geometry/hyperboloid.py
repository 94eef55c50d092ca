"""Hyperbolic space H^n on the hyperboloid t^2 - |s|^2 = 1, t > 0: cosh d = t t' - <s, s'>.

A point is stored by s alone, t = sqrt(1 + |s|^2), so that every vector is a point. The chord
q = |s - s'|^2 - (t - t')^2 = 4 sinh^2(d / 2) is computed with t - t' = <s - s', u>,
u = (s + s') / (t + t'), |u| < 1, which keeps its digits far from the origin. Coordinates from
distances: eigenvectors of -cosh D (Keller-Ressel and Nargang 2020, arXiv 1903.08977).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.geometry.space import Space, safe_sqrt


@dataclass(frozen=True)
class Hyperboloid(Space):
    """Points are the space-like coordinates s. H^1 is a line, of no curvature: refused."""

    def __post_init__(self) -> None:
        if self.dimension < 2:
            raise ValueError(
                f"signature: wanted H2 or more, got H{self.dimension}, a line, which is flat: E1"
            )

    @property
    def letter(self) -> Literal["H"]:
        return "H"

    @property
    def geometry(self) -> str:
        return "hyperbolic"

    @property
    def sign(self) -> int:
        return -1

    @property
    def width(self) -> int:
        return self.dimension

    @property
    def widest(self) -> float:
        """cosh 30 = 5e12: what is of size 1 still has three digits beside it in float64."""
        return 30.0

    def squared_distance(
        self, x: Float[Tensor, "*index width"], y: Float[Tensor, "*index width"]
    ) -> Float[Tensor, "*index"]:
        apart, time = x - y, (height(x) + height(y))[..., None]
        along = (apart * (x + y) / time).sum(-1)
        chord = apart.square().sum(-1) - along.square()
        return 4 * torch.asinh(safe_sqrt(chord) / 2).square()

    def retract(self, x: Float[Tensor, "*index width"]) -> Float[Tensor, "*index width"]:
        return x

    def gram(self, distances: Float[Tensor, "point point"]) -> Float[Tensor, "point point"]:
        return -distances.cosh()


def height(x: Float[Tensor, "*index width"]) -> Float[Tensor, "*index"]:
    """t, the time-like coordinate."""
    return (1 + x.square().sum(-1)).sqrt()


def in_disc(x: Float[Tensor, "*index width"]) -> Float[Tensor, "*index width"]:
    """The same points in Poincare's unit ball, s / (1 + t)."""
    return x / (1 + height(x))[..., None]
