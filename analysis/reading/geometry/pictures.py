"""Points of a space drawn in the plane, with the shortest way of each edge.

Hyperbolic: Poincare's disc, where angles are true. Spherical: seen from far along the axis that the
points spread least in, those behind the rim marked. Of more than two axes the first two are shown.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.exhibits import Points
from interpretable_arch.maths.geometry.hyperboloid import in_disc
from interpretable_arch.maths.geometry.scaling import Placed
from interpretable_arch.maths.geometry.space import Space

PIECES = 12


def picture(
    placed: Placed, edges: tuple[tuple[int, int], ...], names: tuple[str, ...], title: str
) -> Points:
    """The picture of one factor."""
    points = placed.points.cpu()
    flat = drawn(placed.space, points)
    ways = tuple(_way(placed.space, points[i], points[j]) for i, j in edges)
    behind = points[:, 2] < -1e-9 if placed.space.sign > 0 and points.shape[1] > 2 else None
    return Points(
        title=title,
        names=names,
        x=tuple(flat[:, 0].tolist()),
        y=tuple(flat[:, 1].tolist()),
        paths=ways,
        round=placed.space.sign != 0,
        behind=() if behind is None else tuple(behind.tolist()),
    )


def drawn(space: Space, points: Float[Tensor, "point width"]) -> Float[Tensor, "point 2"]:
    """Where points are drawn; a line lies on the horizontal axis."""
    seen = in_disc(points) if space.sign < 0 else points
    return torch.nn.functional.pad(seen, (0, max(0, 2 - seen.shape[1])))[:, :2]


def _way(
    space: Space, x: Float[Tensor, " width"], y: Float[Tensor, " width"]
) -> tuple[tuple[float, float], ...]:
    """Points on the shortest way from x to y, as drawn."""
    steps = torch.linspace(0, 1, PIECES + 1, dtype=x.dtype)[:, None]
    if space.sign == 0:
        ends = drawn(space, torch.stack([x, y]))
        return tuple((float(p), float(q)) for p, q in ends)
    angle = space.squared_distance(x, y).sqrt()
    sine = torch.sin if space.sign > 0 else torch.sinh
    # Opposite points have no one shortest way, twins none at all: a straight line stands for it.
    if float(angle) < 1e-9 or abs(float(sine(angle))) < 1e-9:
        between = x + steps * (y - x)
    else:
        between = (sine((1 - steps) * angle) * x + sine(steps * angle) * y) / sine(angle)
    return tuple((float(p), float(q)) for p, q in drawn(space, between))
