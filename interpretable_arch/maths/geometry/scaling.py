"""Constant-curvature scaling: coordinates in one geometry from all distances, for one curvature.

    cos(sqrt(kappa) D),    -J D^2 J / 2,    -cosh(sqrt(|kappa|) D)

The largest eigenpairs of that matrix are the coordinates that fit it best in least squares (Eckart
and Young 1936), unique up to an isometry where the last eigenvalue kept is larger than the first
one left out; exact where D is of that space. Where the two are equal, the cut goes through a block
of eigenvectors that rotate freely (a tree with two equal branches): then of TURNS declared
rotations the one is taken whose distances are best, and the result says how far that mattered.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.geometry.blocks import blocks, settled
from interpretable_arch.maths.geometry.distortion import relative_errors
from interpretable_arch.maths.geometry.space import Space, safe_sqrt

TURNS = 24
TIED = 1e-9  # relative difference of two errors that count as equal


@dataclass(frozen=True, eq=False)
class Placed:
    """Points of the unit space, seen at `radius`: of curvature sign / radius^2."""

    space: Space
    radius: float
    points: Float[Tensor, "point width"]

    @property
    def kappa(self) -> float:
        return self.space.sign / self.radius**2

    @property
    def squared(self) -> Float[Tensor, "point point"]:
        """All squared distances."""
        return self.radius**2 * self.space.between(self.points)


@dataclass(frozen=True, eq=False)
class Scaled:
    """What the eigenproblem gave: `spectrum` descending, `error` the mean distortion.

    `worst_turn` is its largest value over the rotations of the block [first, last) of eigenvalues
    that the cut goes through, if any.
    """

    placed: Placed
    spectrum: Float[Tensor, " point"]
    error: float
    cut: tuple[int, int] | None
    worst_turn: float


@torch.no_grad()
def scaled(
    distances: Float[Tensor, "point point"],
    space: Space,
    radius: float,
    beside: Float[Tensor, "point point"] | None = None,
) -> Scaled:
    """The embedding of these distances (float64) in `space` at curvature sign / radius^2.

    Errors are relative to the distances `beside`, these themselves by default.
    """
    values, vectors = torch.linalg.eigh(space.gram(distances / radius))
    values, vectors = values.flip(0), vectors.flip(1)
    width = min(space.width, len(values))
    runs, size = blocks(values), float(values.abs().max())
    for first, last in runs:
        if first < width and float(values[first]) > 1e-12 * size:
            part = vectors[:, first:last]
            vectors[:, first:last] = part @ settled(part)
    cut = next((r for r in runs if r[0] < width < r[1] and float(values[r[0]]) > 1e-9 * size), None)
    coordinates = vectors * values.clamp_min(0).sqrt()
    if cut is None:
        tried = coordinates[None, :, :width]
    else:
        kept = coordinates[:, : cut[0]].expand(TURNS, -1, -1)
        turned = coordinates[:, cut[0] : cut[1]] @ _turns(cut[1] - cut[0], width - cut[0])
        tried = torch.cat([kept, turned], 2)
    # Axes that fewer points than `width` can't span are 0.
    points = space.retract(torch.nn.functional.pad(tried, (0, space.width - width)))
    found = radius * safe_sqrt(space.between(points))
    errors = relative_errors(found, distances, beside).abs().mean(-1)
    # The first of those that are as good as the best, so that rounding decides nothing.
    best = int((errors <= errors.min() * (1 + TIED)).nonzero()[0])
    placed = Placed(space, radius, points[best])
    return Scaled(placed, values, float(errors[best]), cut, float(errors.max()))


def _turns(size: int, kept: int) -> Float[Tensor, "turn size kept"]:
    """The declared frames: TURNS random ones of a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(TURNS, size, kept, dtype=torch.float64, generator=generator)
    return torch.linalg.qr(noise).Q
