"""A spline network whose edges are known functions: c f(a x + b) + d each, constants refitted.

Every edge must reach a stated R^2 or the network is refused. Where several functions do, as exp
and tanh may on a short curve, whole networks are refitted to the data, best fitting edges first,
until one explains them: the data decide, not the splines' last digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import least_squares

from analysis.reading.formulas.candidates import LIBRARY, Fit, fit_candidate, fit_constant
from interpretable_arch.layers.spline import Spline
from interpretable_arch.maths.spread import evenly
from interpretable_arch.models.kan import KAN

Inputs = Float[np.ndarray, "example features"]
Targets = Float[np.ndarray, "example outputs"]
FLAT = 1e-3  # an edge that moves its unit by less than this share of the widest one is constant
CURVE_POINTS = 128
ROUGH = 1e-8
SEARCHED, SEARCHED_ON = 8, 200  # networks, examples


@dataclass(frozen=True, eq=False)
class EdgeReading:
    """One edge, from unit i of `layer` to unit j of the next: its curve and fits, best first."""

    layer: int
    i: int
    j: int
    x: Float[np.ndarray, " point"]
    y: Float[np.ndarray, " point"]
    fits: tuple[Fit, ...]

    @property
    def name(self) -> str:
        return f"edge {self.layer}.{self.i}->{self.j}"

    def accepted(self, r2: float) -> tuple[Fit, ...]:
        """The fits of at least this R^2, best first; a unit of cost outweighs a factor of 2.

        What is left below 1e-8 is the spline's own error: there the simplest comes first.
        """
        kept = [f for f in self.fits if f.r2 >= r2]
        return tuple(sorted(kept, key=lambda f: np.log2(max(1 - f.r2, ROUGH)) + f.candidate.cost))


@dataclass(frozen=True)
class Snapped:
    """Fits as layers[layer][i][j]; runs on its own."""

    layers: tuple[tuple[tuple[Fit, ...], ...], ...]

    def __call__(self, inputs: Inputs) -> Targets:
        units = inputs
        for layer in self.layers:
            sums = [
                sum(value(row[j], units[:, i]) for i, row in enumerate(layer))
                for j in range(len(layer[0]))
            ]
            units = np.stack(sums, 1)
        return units

    @property
    def constants(self) -> Float[np.ndarray, " constant"]:
        """a, b, c, d of every edge in turn."""
        return np.array(
            [f.constants for layer in self.layers for row in layer for f in row]
        ).ravel()

    def moved(self, constants: Float[np.ndarray, " constant"]) -> "Snapped":
        """The same functions with other constants."""
        rest = iter(constants.reshape(-1, 4).tolist())

        def put(fit: Fit) -> Fit:
            a, b, c, d = next(rest)
            return replace(fit, a=a, b=b, c=c, d=d)

        return Snapped(
            tuple(tuple(tuple(put(f) for f in row) for row in layer) for layer in self.layers)
        )

    def rmse(self, inputs: Inputs, targets: Targets) -> float:
        return float(np.sqrt(np.square(self(inputs) - targets).mean()))

    def refitted(self, inputs: Inputs, targets: Targets, steps: int) -> "Snapped":
        """All constants by least squares on the targets, from these ones (trust region)."""

        def left_over(p: np.ndarray) -> np.ndarray:
            gaps = (self.moved(p)(inputs) - targets).ravel()
            return np.where(np.isfinite(gaps), gaps, 1e6)

        with np.errstate(all="ignore"):
            found = least_squares(
                left_over, self.constants, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=steps
            )
        return self.moved(found.x)


def value(fit: Fit, x: Float[np.ndarray, " point"]) -> Float[np.ndarray, " point"]:
    """c f(a x + b) + d."""
    return fit.c * fit.candidate.f(fit.a * x + fit.b) + fit.d


@torch.no_grad()
def read_edges(model: KAN, inputs: Float[torch.Tensor, "example features"]) -> list[EdgeReading]:
    """Every edge's curve over the values that it takes on `inputs`, fitted by all candidates."""
    found, x = [], inputs
    for number, layer in enumerate(model.layers):
        assert isinstance(layer, Spline)
        curves = layer.edges(x)
        widest = float(curves.std(0).max())
        for i in range(curves.shape[1]):
            at = _spread(x[:, i])
            for j in range(curves.shape[2]):
                y = curves[at, i, j].numpy()
                flat = float(curves[:, i, j].std()) <= FLAT * widest
                points = x[at, i].numpy()
                found.append(EdgeReading(number, i, j, points, y, _fits(points, y, flat)))
        x = layer(x)
    return found


def _spread(x: Float[torch.Tensor, " example"]) -> torch.Tensor:
    """Indices of a few examples, evenly spread over the sorted values."""
    return x.argsort()[evenly(len(x), CURVE_POINTS)]


def _fits(x: np.ndarray, y: np.ndarray, flat: bool) -> tuple[Fit, ...]:
    if flat:
        return (fit_constant(y),)
    return tuple(sorted((fit_candidate(c, x, y) for c in LIBRARY), key=lambda f: -f.r2))


def snap(
    edges: Sequence[EdgeReading], inputs: Inputs, targets: Targets, r2: float, good: float
) -> Snapped | None:
    """The first network, in order of its edges' fits, of RMSE `good` on the data, or the best.

    None where an edge has no candidate of R^2 at least `r2`.
    """
    options = [edge.accepted(r2) for edge in edges]
    if not all(options):
        return None
    ranks = product(*(range(len(o)) for o in options))
    tried = sorted(islice(ranks, 20_000), key=sum)[:SEARCHED]
    best, least, few = None, np.inf, slice(None, SEARCHED_ON)
    for choice in tried:
        network = assembled(edges, [o[k] for o, k in zip(options, choice, strict=True)])
        network = network.refitted(inputs[few], targets[few], steps=25)
        error = network.rmse(inputs[few], targets[few])
        if best is None or error < least:
            best, least = network, error
        if least <= good:
            break
    assert best is not None, "the first choice is always tried"
    return best.refitted(inputs, targets, steps=60)


def assembled(edges: Sequence[EdgeReading], fits: Sequence[Fit]) -> Snapped:
    """The network with these fits on these edges."""
    chosen = {(e.layer, e.i, e.j): f for e, f in zip(edges, fits, strict=True)}
    layers = []
    for number in range(1 + max(layer for layer, _, _ in chosen)):
        here = {(i, j): f for (layer, i, j), f in chosen.items() if layer == number}
        rows, columns = (1 + max(k[axis] for k in here) for axis in (0, 1))
        layers.append(tuple(tuple(here[i, j] for j in range(columns)) for i in range(rows)))
    return Snapped(tuple(layers))
