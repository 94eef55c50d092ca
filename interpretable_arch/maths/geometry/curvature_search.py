"""The curvature that fits distances best: a search in one number, for one geometry.

The criterion is the mean distortion |d - D| / D of the distances that come out (`scaling`); another
criterion finds another curvature, so it is always named. The range is sqrt(|kappa|) diameter from
LEAST to the space's `widest`: pi on the sphere, where the farthest points are opposite, and 30 in
hyperbolic space, beyond which float64 can't hold the matrix. PLACES even places of its logarithm,
then a bounded minimisation between the neighbours of the best.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.geometry.scaling import Scaled, scaled
from interpretable_arch.maths.geometry.space import Space

CRITERION = "mean distortion"
LEAST, PLACES, STEP = 0.05, 24, 0.05


@dataclass(frozen=True, eq=False)
class Search:
    """The best embedding; `spread` is sqrt(|kappa|) diameter at each place of `errors`.

    `second` is the least error of any other local minimum on these places (infinite without one).
    `rise` is the least by which the criterion grows when log |kappa| moves by STEP, either way or,
    at an end of the range, inwards: above 0, the curvature is determined. 0 for a flat space.
    """

    best: Scaled
    spread: tuple[float, ...]
    errors: tuple[float, ...]
    second: float
    rise: float

    @property
    def curvature(self) -> float:
        """Of the criterion in log |kappa|, at least: twice the rise over STEP squared."""
        return 2 * self.rise / STEP**2


def curvature_search(
    distances: Float[Tensor, "point point"],
    space: Space,
    beside: Float[Tensor, "point point"] | None = None,
    widest: float = math.inf,
) -> Search:
    """The best curvature of the geometry of `space` for these distances (float64, all pairs).

    The range ends at `widest` where that is less than the space's own.
    """
    if space.sign == 0:
        best = scaled(distances, space, 1.0, beside)
        return Search(best, (0.0,), (best.error,), math.inf, 0.0)
    diameter, widest = float(distances.max()), min(widest, space.widest)

    def at(spread: float) -> Scaled:
        return scaled(distances, space, diameter / spread, beside)

    places = [widest * (LEAST / widest) ** (i / PLACES) for i in range(PLACES, -1, -1)]
    errors = [at(p).error for p in places]
    lowest = min(range(len(places)), key=errors.__getitem__)
    low, high = places[max(0, lowest - 1)], places[min(len(places) - 1, lowest + 1)]
    between = _least(lambda s: at(s).error, low, high)
    spread = min(places[lowest], between, key=lambda s: at(s).error)
    steps = (spread * math.exp(STEP / 2), spread * math.exp(-STEP / 2))  # log |kappa| is 2 log
    rises = [at(s).error - at(spread).error for s in steps if s <= widest]
    return Search(
        at(spread),
        tuple(places),
        tuple(errors),
        _second(errors, lowest),
        min(rises),
    )


def _least(error: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(error, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    return float(found.x)


def _second(errors: list[float], lowest: int) -> float:
    """The least error of a place below both its neighbours, the best and those aside."""
    padded = [math.inf, *errors, math.inf]
    minima = [
        e
        for i, e in enumerate(errors)
        if abs(i - lowest) > 1 and padded[i] > e and e < padded[i + 2]
    ]
    return min(minima, default=math.inf)
