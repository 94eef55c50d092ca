"""Known functions of one variable, and how well each fits a curve as c f(a x + b) + d.

(a, b) on a grid first, c and d by least squares there (R^2 is then a squared correlation), and the
best two grid points polished together with c and d, unless half of the curve is left even there
(Liu et al. 2024, arXiv 2404.19756, section 2.5). R^2 says how much of a curve is explained;
whether that is enough is the caller's to decide.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares

Values = Float[np.ndarray, " point"]
TINY = 1e-12
_STARTS, _GRID_POINTS, _HOPELESS = 2, 64, 0.5


@dataclass(frozen=True)
class Candidate:
    """f, its text with {u} for what it is applied to, and how much simpler ones are preferred.

    `signs` of a that differ from each other; `needs` is what a x + b must keep to on the data.
    """

    name: str
    f: Callable[[np.ndarray], np.ndarray]
    text: str
    cost: int
    signs: tuple[float, ...] = (1.0,)
    above_zero: bool = False


@dataclass(frozen=True)
class Fit:
    """c f(a x + b) + d, and the share of a curve's variance that it explains, at most 1."""

    candidate: Candidate
    a: float
    b: float
    c: float
    d: float
    r2: float

    @property
    def constants(self) -> tuple[float, float, float, float]:
        return (self.a, self.b, self.c, self.d)


def _log(u: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(u, TINY))


def _root(u: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(u, 0))


def _exp(u: np.ndarray) -> np.ndarray:
    return np.exp(np.clip(u, -100, 100))


def _inverse(u: np.ndarray) -> np.ndarray:
    return np.sign(u) / np.maximum(np.abs(u), TINY)


CONSTANT = Candidate("0", np.zeros_like, "0", 0)
LIBRARY: tuple[Candidate, ...] = (
    Candidate("x", lambda u: u, "{u}", 1),
    Candidate("x^2", np.square, "({u})**2", 2),
    Candidate("x^3", lambda u: u**3, "({u})**3", 3),
    Candidate("sin", np.sin, "sin({u})", 3),
    Candidate("exp", _exp, "exp({u})", 3, (-1.0, 1.0)),
    Candidate("log", _log, "log({u})", 3, (-1.0, 1.0), above_zero=True),
    Candidate("sqrt", _root, "sqrt({u})", 3, (-1.0, 1.0), above_zero=True),
    Candidate("abs", np.abs, "abs({u})", 3),
    Candidate("tanh", np.tanh, "tanh({u})", 4),
    Candidate("gaussian", lambda u: _exp(-u * u), "exp(-({u})**2)", 4),
    Candidate("1/x", _inverse, "1/({u})", 4),
)


def fit_candidate(candidate: Candidate, x: Values, y: Values) -> Fit:
    """The best c f(a x + b) + d; R^2 = -inf where the function is not defined on the data."""
    middle, half = (x.max() + x.min()) / 2, max((x.max() - x.min()) / 2, TINY)
    u = (x - middle) / half  # so that one grid suits every range
    few = max(1, len(u) // _GRID_POINTS)
    starts = _grid(candidate, u[::few], y[::few])
    fits = [_polished(candidate, u, y, *start) for start in starts]
    best = max(fits, key=lambda fit: fit.r2, default=_undefined(candidate))
    a = best.a / float(half)
    return Fit(candidate, a, best.b - a * float(middle), best.c, best.d, best.r2)


def _undefined(candidate: Candidate) -> Fit:
    return Fit(candidate, 0.0, 0.0, 0.0, 0.0, -np.inf)


def fit_constant(y: Values) -> Fit:
    """A curve that is flat: nothing is left to explain, so that R^2 is 1 and not 0 / 0."""
    return Fit(CONSTANT, 1.0, 0.0, 0.0, float(y.mean()), 1.0)


def _grid(candidate: Candidate, u: Values, y: Values) -> list[tuple[float, float, bool]]:
    """The best two (a, b) of 32 x 41 for each sign of a, and whether there is hope for them."""
    slopes = np.outer(candidate.signs, np.geomspace(0.1, 12.0, 32)).ravel()
    shifts = np.linspace(-5.0, 5.0, 41)
    inside = slopes[:, None, None] * u + shifts[:, None]
    f = candidate.f(inside)
    f = f - f.mean(-1, keepdims=True)
    centred = y - y.mean()
    power = np.square(f).sum(-1) * np.square(centred).sum()
    score = np.square(f @ centred) / np.maximum(power, TINY * TINY)
    if candidate.above_zero:
        score = np.where(inside.min(-1) > TINY, score, -1.0)
    if candidate.name == "1/x":
        score = np.where(np.abs(np.sign(inside).mean(-1)) == 1, score, -1.0)
    order = np.argsort(-score, axis=None)[:_STARTS]
    at = [np.unravel_index(i, score.shape) for i in order if score.flat[i] >= 0]
    return [(float(slopes[i]), float(shifts[j]), bool(score[i, j] > _HOPELESS)) for i, j in at]


def _polished(candidate: Candidate, u: Values, y: Values, a: float, b: float, hope: bool) -> Fit:
    columns = np.stack([candidate.f(a * u + b), np.ones_like(u)], 1)
    c, d = np.linalg.lstsq(columns, y, rcond=None)[0]

    def left_over(p: np.ndarray) -> np.ndarray:
        return p[2] * candidate.f(p[0] * u + p[1]) + p[3] - y

    start = np.array([a, b, c, d])
    if hope:
        start = least_squares(left_over, start, "2-point", xtol=1e-12, ftol=1e-12, max_nfev=100).x
    variance = np.square(y - y.mean()).sum()
    r2 = 1 - np.square(left_over(start)).sum() / max(variance, TINY * TINY)
    a, b, c, d = map(float, start)
    return Fit(candidate, a, b, c, d, float(r2) if np.isfinite(r2) else -np.inf)
