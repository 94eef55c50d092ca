"""The uniform matrix product state of bond d nearest to a given one: LSRDR.

    maximise f(X) = |mu| / sqrt(rho),    mu = rho(sum A_w (x) conj X_w),
                                         rho = rho(sum X_w (x) conj X_w)

f / sqrt(rho(sum A_w (x) conj A_w)) is the fidelity per token, at most 1. With the leading vectors
mu U = sum A_w U X_w*, conj(mu) V = sum A_w* V X_w and the fixed points P, Q of X, tr PQ = 1,

    D_w = (rho / mu) R A_w S - X_w,    R = Q^-1 V* / tr(V* U),    S = U P^-1

is the gradient of log f in the metric tr(Q dX P dX*), the natural one of states: it takes
eigenvectors and no differentiation. Where D = 0, S R is a projection. Steps have the length of
Barzilai and Borwein (1988), are cut where f falls, and stop at |D| <= tolerance |X|.
J. Van Name, L2-spectral radius dimensionality reduction; the metric: Haegeman et al. 2011 (arXiv
1103.0936).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.maths.processes.leading_vectors import Leading, leading
from interpretable_arch.maths.processes.operator_tuples import OperatorTuple
from interpretable_arch.maths.processes.uniform_mps import in_schmidt_basis, spectral_radius

Tuple = Complex[Tensor, "vocab d d"]
Metric = Callable[[Tensor, Tensor, Tensor], Tensor]
PERIODIC = 1e-9
FIRST, SHORTEST, LONGEST = 0.3, 1e-2, 20.0
FALL = 1e-12  # below it, f cannot tell a fall from rounding
CARRIED = 0.5  # the most that one step moves, over |X|
CUTS = 40


@dataclass(frozen=True)
class Nearest:
    """X in canonical form with mu > 0, and how it was found.

    `fidelity` per token in [0, 1]; `residual` |D| / |X|; `gap` 1 - |mu_2 / mu_1|; `projection`
    |(SR)^2 - SR| / |SR|; `anchor` the smallest entry of the row that fixes the phases (1 at d = 1);
    `evaluations` of D, `steps` taken.
    """

    X: Tuple
    fidelity: float
    residual: float
    gap: float
    projection: float
    anchor: float
    steps: int
    evaluations: int


@dataclass(frozen=True)
class _Point:
    """A tuple with rho = 1, its direction D in the natural metric, `along` in the asked one."""

    X: Tuple
    D: Tuple
    along: Tuple
    top: Leading
    projection: Complex[Tensor, "n n"]

    @property
    def value(self) -> float:
        """f, as rho is 1."""
        return float(self.top.mu.abs())

    @property
    def residual(self) -> float:
        return float(self.D.norm() / self.X.norm())


def natural(D: Tensor, P: Tensor, Q: Tensor) -> Tensor:
    """The gradient in the metric of states."""
    return D


def plain(D: Tensor, P: Tensor, Q: Tensor) -> Tensor:
    """The gradient in the metric of the entries, for comparison."""
    return Q @ D @ P


def nearest_mps(
    data: OperatorTuple,
    start: Tuple,
    tolerance: float = 1e-9,
    most: int = 3000,
    metric: Metric = natural,
) -> Nearest:
    """Climb from `start`; the result says by its residual whether it arrived.

    Raises ValueError for data of a periodic process, |lambda_2| = |lambda_1|, where mu and rho are
    not simple and no state is nearest, for a d above the data's own size, and for data that a
    smaller d says exactly.
    """
    if start.shape[-1] > data.size:
        raise ValueError(
            f"d: wanted at most {data.size}, the size of the data's matrices, got "
            f"{start.shape[-1]}: a smaller d says the same"
        )
    rho = check_aperiodic(data)
    here = _point(data, start.to(torch.complex128), None, metric)
    length, evaluations, steps = FIRST, 1, 0
    while here.residual > tolerance and steps < most:
        there, tried = _step(data, here, length, metric)
        evaluations += tried
        if there is None:
            break
        length = _next_length(here, there, steps)
        here, steps = there, steps + 1
    return _canonical(here, rho, steps, evaluations)


def check_aperiodic(data: OperatorTuple) -> float:
    """rho(sum A (x) conj A); ValueError where |lambda_2| equals it."""
    first, second = data.sizes()
    if not second < first * (1 - PERIODIC):
        raise ValueError(
            "operators: wanted a process with |lambda_2| < |lambda_1|, got "
            f"{second:.12g} and {first:.12g}: it is periodic or falls apart, and no uniform "
            "matrix product state is nearest to it"
        )
    return first


def _point(data: OperatorTuple, X: Tuple, near: Leading | None, metric: Metric) -> _Point:
    X = X / spectral_radius(X).sqrt()
    P, Q = _fixed_points(X)
    top = leading(data, X, near)
    # Least squares: a start close to a reducible tuple has a nearly singular Q.
    R = torch.linalg.lstsq(Q, top.V.mH).solution / (top.V.conj() * top.U).sum()
    S = torch.linalg.lstsq(P.mT, top.U.mT).solution.mT
    D = data.compress(R, S) / top.mu - X
    return _Point(X, D, metric(D, P, Q), top, S @ R)


def _fixed_points(X: Tuple) -> tuple[Tensor, Tensor]:
    """P and Q, positive, with tr PQ = 1."""
    d = X.shape[-1]
    transfer = torch.einsum("kij,kab->iajb", X, X.conj()).reshape(d * d, d * d)
    P, Q = _positive(transfer, d), _positive(transfer.mH, d)
    return P, Q / (Q @ P).diagonal().sum()


def _positive(transfer: Tensor, d: int) -> Tensor:
    values, vectors = torch.linalg.eig(transfer)
    found = vectors[:, values.abs().argmax()].reshape(d, d)
    found = found / found.diagonal().sum()
    return (found + found.mH) / 2


def _step(
    data: OperatorTuple, here: _Point, length: float, metric: Metric
) -> tuple[_Point | None, int]:
    """The next point and how many were tried; none where even the shortest step falls."""
    length = min(length, CARRIED * float(here.X.norm() / here.along.norm()))
    for tried in range(1, CUTS):
        there = _point(data, here.X + length * here.along, here.top, metric)
        if there.value >= here.value * (1 - FALL):
            return there, tried
        length /= 4
    return None, CUTS - 1


def _next_length(here: _Point, there: _Point, steps: int) -> float:
    """Barzilai and Borwein's two lengths in turn."""
    moved, bent = there.X - here.X, here.along - there.along
    product = float((moved.conj() * bent).sum().real)
    if product <= 0:
        return FIRST
    long, short = float(moved.norm() ** 2) / product, product / float(bent.norm() ** 2)
    return min(max(long if steps % 2 else short, SHORTEST), LONGEST)


def _canonical(here: _Point, rho: float, steps: int, evaluations: int) -> Nearest:
    X, _ = in_schmidt_basis(here.X * here.top.mu / here.top.mu.abs())
    SR = here.projection
    off = float((SR @ SR - SR).norm() / SR.norm())
    row = X.sum(0)[0, 1:].abs()
    anchor = float(row.min()) if len(row) else 1.0
    fidelity = here.value / rho**0.5
    return Nearest(X, fidelity, here.residual, here.top.gap, off, anchor, steps, evaluations)


def fidelity(data: OperatorTuple, X: Tuple) -> Float[Tensor, ""]:
    """Fidelity per token of two states, in [0, 1]."""
    mu = leading(data, X.to(torch.complex128)).mu.abs()
    return mu / (spectral_radius(X.to(torch.complex128)) * data.sizes()[0]).sqrt()
