"""Distances embedded in a product of spaces: D^2 = sum over factors of d_f^2.

No eigenproblem splits D^2. The axes of flat scaling are shared out among the factors, the leading
ones first, in every order of the factors; then each factor in turn is scaled by itself to what the
others leave of D^2, SWEEPS times. The best order wins. There is no proof that another
start could not do better. A single factor is its own search, and needs none of this.
"""

import math
from dataclasses import dataclass
from itertools import permutations

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.geometry.curvature_search import Search, curvature_search
from interpretable_arch.maths.geometry.distortion import distortion, pairs
from interpretable_arch.maths.geometry.plane import Plane
from interpretable_arch.maths.geometry.scaling import Placed, scaled
from interpretable_arch.maths.geometry.space import Space, safe_sqrt

SWEEPS = 4


@dataclass(frozen=True, eq=False)
class Fitted:
    """One search a factor, in the order of the signature, and the mean distortion of the sum.

    `change` is by how much of the diameter any distance moved in the last sweep; 0 for one factor.
    """

    searches: tuple[Search, ...]
    error: float
    change: float

    @property
    def factors(self) -> tuple[Placed, ...]:
        return tuple(s.best.placed for s in self.searches)


def distances_of(factors: tuple[Placed, ...]) -> Float[Tensor, "point point"]:
    """All distances in the product."""
    return safe_sqrt(torch.stack([f.squared for f in factors]).sum(0))


@torch.no_grad()
def fitted(
    distances: Float[Tensor, "point point"], spaces: tuple[Space, ...], widest: float = math.inf
) -> Fitted:
    """The embedding of all distances (float64) in a product; `widest` as in `curvature_search`."""
    if len(spaces) == 1:
        found = curvature_search(distances, spaces[0], widest=widest)
        return Fitted((found,), found.best.error, 0.0)
    orders: dict[tuple[str, ...], tuple[int, ...]] = {}
    for order in permutations(range(len(spaces))):
        orders.setdefault(tuple(str(spaces[i]) for i in order), order)
    tried = [_alternated(distances, spaces, order, widest) for order in orders.values()]
    return min(tried, key=lambda f: f.error)


def _alternated(
    distances: Float[Tensor, "n n"],
    spaces: tuple[Space, ...],
    order: tuple[int, ...],
    widest: float,
) -> Fitted:
    squared, wanted = _shared_out(distances, spaces, order), distances.square()
    searches: dict[int, Search] = {}
    change = 0.0
    for _ in range(SWEEPS):
        before = squared.sum(0)
        for i in order:
            left = wanted - (squared.sum(0) - squared[i])
            own = left.clamp_min(0).sqrt()
            if not bool(own.max() > 1e-9 * distances.max()):
                own = distances * 1e-6  # the others leave nothing: a point, nearly
            searches[i] = curvature_search(own, spaces[i], distances, widest)
            squared[i] = searches[i].best.placed.squared
        change = float((safe_sqrt(squared.sum(0)) - safe_sqrt(before)).abs().max())
    error = distortion(safe_sqrt(squared.sum(0)), distances)
    found = tuple(searches[i] for i in range(len(spaces)))
    return Fitted(found, error, change / float(distances.max()))


def _shared_out(
    distances: Float[Tensor, "n n"], spaces: tuple[Space, ...], order: tuple[int, ...]
) -> Float[Tensor, "factor n n"]:
    """Squared distances of a start: each factor's axes put on it, radii by least squares.

    Directions alone are taken for a sphere. Given those, D^2 is linear in the squared radii, which
    may not be negative (Lawson and Hanson 1974).
    """
    from scipy.optimize import nnls

    flat = scaled(distances, Plane(sum(s.width for s in spaces)), 1.0).placed.points
    shares = flat.split([spaces[i].width for i in order], 1)
    flats = dict(zip(order, shares, strict=True))
    started = [
        s.between(s.retract(flats[i])) if s.sign > 0 else torch.cdist(flats[i], flats[i]).square()
        for i, s in enumerate(spaces)
    ]
    i, j = pairs(len(distances))
    columns = torch.stack([x[i, j] for x in started], 1) / distances[i, j, None].square()
    squares, _ = nnls(columns.numpy(), torch.ones(len(i), dtype=torch.float64).numpy())
    return torch.stack([float(r) * x for r, x in zip(squares, started, strict=True)])
