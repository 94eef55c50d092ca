"""Flat space E^n. Coordinates are those of classical scaling (Torgerson 1952): eigenvectors of
-J D^2 J / 2 with J = 1 - 11^T / n, centred, along the principal axes."""

import math
from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.geometry.space import Space


@dataclass(frozen=True)
class Plane(Space):
    """Points are vectors."""

    @property
    def letter(self) -> Literal["E"]:
        return "E"

    @property
    def geometry(self) -> str:
        return "flat"

    @property
    def sign(self) -> int:
        return 0

    @property
    def width(self) -> int:
        return self.dimension

    @property
    def widest(self) -> float:
        return math.inf

    def squared_distance(
        self, x: Float[Tensor, "*index width"], y: Float[Tensor, "*index width"]
    ) -> Float[Tensor, "*index"]:
        return (x - y).square().sum(-1)

    def retract(self, x: Float[Tensor, "*index width"]) -> Float[Tensor, "*index width"]:
        return x

    def gram(self, distances: Float[Tensor, "point point"]) -> Float[Tensor, "point point"]:
        square = distances.square()
        centred = square - square.mean(0) - square.mean(1, keepdim=True) + square.mean()
        return -centred / 2
