"""A geometry of constant curvature 1, 0 or -1: sphere, plane or hyperbolic space.

By uniformisation the simply connected surfaces of constant curvature are these three. A space says
how points are stored, how far apart two are, and of which symmetric matrix their coordinates are
eigenvectors. Curvature kappa is that of the unit space seen at radius 1 / sqrt(|kappa|).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Space(ABC):
    """`dimension` of the space itself; a point is stored in `width` numbers."""

    dimension: int

    @property
    @abstractmethod
    def letter(self) -> str:
        """S, E or H."""

    @property
    @abstractmethod
    def geometry(self) -> str:
        """spherical, flat or hyperbolic."""

    @property
    @abstractmethod
    def sign(self) -> int:
        """Of the curvature: 1, 0 or -1."""

    @property
    @abstractmethod
    def width(self) -> int: ...

    @property
    @abstractmethod
    def widest(self) -> float:
        """The largest distance that a unit space is asked to hold; infinite for the plane."""

    @abstractmethod
    def squared_distance(
        self, x: Float[Tensor, "*index width"], y: Float[Tensor, "*index width"]
    ) -> Float[Tensor, "*index"]:
        """Of points of the unit space; its gradient is finite everywhere, 0 where they meet."""

    @abstractmethod
    def retract(self, x: Float[Tensor, "*index width"]) -> Float[Tensor, "*index width"]:
        """The nearest points of the space, where not all of R^width is."""

    @abstractmethod
    def gram(self, distances: Float[Tensor, "point point"]) -> Float[Tensor, "point point"]:
        """The matrix whose largest `width` eigenpairs are coordinates, v sqrt(w), of points at
        these distances in the unit space."""

    def between(self, points: Float[Tensor, "*copy point width"]) -> Float[Tensor, "*copy n n"]:
        """All squared distances."""
        x, y = torch.broadcast_tensors(points[..., :, None, :], points[..., None, :, :])
        return self.squared_distance(x, y)

    def __str__(self) -> str:
        return f"{self.letter}{self.dimension}"


def safe_sqrt(x: Float[Tensor, "*index"]) -> Float[Tensor, "*index"]:
    """sqrt(x), 0 with gradient 0 where x is not above 0."""
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, 1.0).sqrt(), 0.0)
