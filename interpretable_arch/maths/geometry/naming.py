"""Which geometry given distances are of: spherical, flat or hyperbolic.

Each geometry of one dimension is fitted by the closed form and refined, in hyperbolic space from
the best curvature of each range in STARTS, as descent stays near where it starts and hardly moves
points that are far out; the least error counts. A curved geometry is named where it takes at least
MARGIN off the flat root mean square relative error and |kappa| diameter^2 is at least FLAT_BELOW.
Where the flat error is below EXACT that decides nothing, and flat is named: points on a line and
three points lie in all geometries of all curvatures, up to rounding (`Named.told`).
Distances may be of none of the three (a city-block grid): `Named.held` says so. The bounds
were set on other draws than those of the published table (tests/benchmarks/name_geometry.py).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.geometry.distortion import distortion, relative_square
from interpretable_arch.maths.geometry.hyperboloid import Hyperboloid
from interpretable_arch.maths.geometry.plane import Plane
from interpretable_arch.maths.geometry.products import distances_of, fitted
from interpretable_arch.maths.geometry.refinement import refined
from interpretable_arch.maths.geometry.scaling import Placed, scaled
from interpretable_arch.maths.geometry.signature import signature
from interpretable_arch.maths.geometry.space import Space
from interpretable_arch.maths.geometry.sphere import Sphere

FLAT_BELOW, MARGIN = 1.0, 0.1
EXACT = 1e-3  # root mean square relative error of a geometry that lacks nothing
HELD = 0.05  # root mean square relative error up to which a geometry holds the distances
STARTS = (4.0, 10.0, 30.0)  # the most of sqrt(|kappa|) diameter


@dataclass(frozen=True, eq=False)
class Tried:
    """One signature: mean distortion of the closed form and after refinement, and `bend`,
    kappa diameter^2 of each factor after it; `rms` is of the relative errors then."""

    spaces: tuple[Space, ...]
    closed: float
    refined: float
    rms: float
    bend: tuple[float, ...]
    factors: tuple[Placed, ...]

    @property
    def name(self) -> str:
        return signature(self.spaces)


@dataclass(frozen=True)
class Named:
    """The nearest geometry, and what was tried for it: flat, spherical, hyperbolic.

    `told` is False where flat and both curved geometries hold the distances up to EXACT, the curved
    ones at the least curvature that would be named.
    """

    geometry: str
    tried: tuple[Tried, ...]
    told: bool

    @property
    def rms(self) -> float:
        """The root mean square relative error in the geometry that was named."""
        return next(t.rms for t in self.tried if t.spaces[0].geometry == self.geometry)

    @property
    def held(self) -> bool:
        """Whether the distances are of that geometry, or it is only the nearest of the three."""
        return self.rms <= HELD


def tried(distances: Float[Tensor, "point point"], spaces: tuple[Space, ...]) -> Tried:
    """One signature fitted and refined; float64, all pairs."""
    ranges = STARTS if any(s.sign < 0 for s in spaces) else STARTS[-1:]
    closed = [fitted(distances, spaces, widest) for widest in ranges]
    everywhere = [refined(f.factors, distances) for f in closed]
    better = min(everywhere, key=lambda f: relative_square(distances_of(f), distances))
    after = distances_of(better)
    return Tried(
        spaces,
        closed[-1].error,
        distortion(after, distances),
        relative_square(after, distances) ** 0.5,
        tuple(f.kappa * float(distances.max()) ** 2 for f in better),
        better,
    )


def name_geometry(distances: Float[Tensor, "point point"], dimension: int = 2) -> Named:
    """The geometry of these distances among the three of this dimension (2 or more)."""
    kinds: tuple[Space, ...] = (Plane(dimension), Sphere(dimension), Hyperboloid(dimension))
    found = tuple(tried(distances.to(torch.float64), (kind,)) for kind in kinds)
    flat, *curved = found
    best = min(curved, key=lambda t: t.rms)
    bent = abs(best.bend[0]) >= FLAT_BELOW and best.rms <= (1 - MARGIN) * flat.rms
    bent = bent and flat.rms >= EXACT
    told = flat.rms >= EXACT or not all(_holds_bent(distances.double(), k) for k in kinds[1:])
    return Named((best if bent else flat).spaces[0].geometry, found, told)


def _holds_bent(distances: Float[Tensor, "point point"], space: Space) -> bool:
    """Whether points of `space` at |kappa| diameter^2 = FLAT_BELOW have these distances."""
    radius = float(distances.max()) / FLAT_BELOW**0.5
    found = distances_of((scaled(distances, space, radius).placed,))
    return relative_square(found, distances) ** 0.5 < EXACT
