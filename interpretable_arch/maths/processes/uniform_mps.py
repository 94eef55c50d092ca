"""Uniform matrix product states: a matrix X_w a token, amplitude of a row = X_w1 ... X_wn between
two fixed vectors, probability of a row = its square.

    sum_w X_w P X_w* = rho P,    sum_w X_w* Q X_w = rho Q,    X ~ lambda B X B^-1

P and Q are the fixed points of the transfer operator sum_w X_w (x) conj X_w and rho its spectral
radius. In the basis where P = 1 and Q is diagonal, trace 1, the diagonal holds the squares of the
Schmidt values of a cut through the row (Perez-Garcia, Verstraete, Wolf, Cirac 2007,
arXiv quant-ph/0608197).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.maths.processes.channels import (
    hermitian_basis,
    matrices,
    spectral_gap,
    stationary,
    superoperators,
    trace_row,
)

Tuple = Complex[Tensor, "vocab d d"]
DOUBLINGS = 40


def isometric(X: Tuple) -> Tuple:
    """The same state with sum_w X_w X_w* = 1: L^-1 X_w L / sqrt(rho) with P = L L*.

    P is found by squaring the transfer operator `DOUBLINGS` times, so that its gradient is right
    wherever |lambda_2| < |lambda_1| (1 - 1e-11) and it stacks over seeds.
    """
    basis = hermitian_basis(X.shape[-1], X)
    transfer = superoperators(X.mH[:, None], basis).sum(0)
    trace = trace_row(X.shape[-1], transfer)
    power = transfer / (trace @ transfer @ trace)
    for _ in range(DOUBLINGS):
        power = power @ power
        power = power / (trace @ power @ trace)
    p = power @ trace
    p = p / (trace @ p)
    rho = trace @ (transfer @ p)
    L = torch.linalg.cholesky(matrices(p, basis))
    return torch.linalg.inv(L) @ X @ L / rho.sqrt()


def spectral_radius(X: Tuple) -> Float[Tensor, ""]:
    """rho(sum_w X_w (x) conj X_w), in one eigenvalue problem of size d^2."""
    d = X.shape[-1]
    transfer = torch.einsum("kij,kab->iajb", X, X.conj()).reshape(d * d, d * d)
    return torch.linalg.eigvals(transfer).abs().amax()


@dataclass(frozen=True)
class SchmidtBasis:
    """B with B P B* = 1 and B^-* Q B^-1 = diag(weights), descending, of sum 1; `rho` as above."""

    basis: Complex[Tensor, "d d"]
    weights: Float[Tensor, " d"]
    rho: Float[Tensor, ""]


def schmidt_basis(X: Tuple) -> SchmidtBasis:
    """The basis of the canonical form, up to a phase of each row while the weights differ."""
    basis = hermitian_basis(X.shape[-1], X)
    transfer = superoperators(X.mH[:, None], basis).sum(0)
    values, vectors = torch.linalg.eig(transfer)
    top = values.abs().argmax()
    p = vectors[:, top]
    P = torch.einsum("a,aij->ij", p, basis)
    P = P / P.diagonal().sum()
    L = _factor((P + P.mH) / 2)
    whitened = torch.linalg.solve(L, X @ L) / values[top].abs().sqrt()
    Q = matrices(stationary(superoperators(whitened.mH[:, None], basis).sum(0)), basis)
    weights, W = torch.linalg.eigh(Q)
    turn = W.flip(-1).mH
    return SchmidtBasis(
        torch.linalg.solve(L, turn, left=False), weights.flip(-1), values[top].abs()
    )


def _factor(P: Complex[Tensor, "d d"]) -> Complex[Tensor, "d d"]:
    """L with P = L L*; ValueError where X lives on fewer than d dimensions."""
    least, most = torch.linalg.eigvalsh(P)[[0, -1]].tolist()
    if not least > 1e-13 * most:
        raise ValueError(
            f"X: wanted a state of bond d = {len(P)}, got one of less (the fixed point P has "
            f"eigenvalues from {least:.2g} to {most:.2g}): a smaller d says the same"
        )
    return torch.linalg.cholesky(P)


def change_basis(X: Tuple, basis: Complex[Tensor, "d d"]) -> Tuple:
    """B X_w B^-1."""
    return torch.linalg.solve(basis, basis @ X, left=False)


def in_schmidt_basis(X: Tuple) -> tuple[Tuple, Float[Tensor, " d"]]:
    """sum XX* = 1, Q diagonal descending, row 1 of sum_w X_w at least 0; and the diagonal of Q.

    What is left is one phase of the whole tuple, fixed by what X is compared with. A zero in the
    row leaves its phase as it was: see `anchors`.
    """
    found = schmidt_basis(X)
    moved = change_basis(X, found.basis) / found.rho.sqrt()
    return turned(moved, phases(moved.sum(0)[0])), found.weights


def turned(X: Tuple, phase: Complex[Tensor, " d"]) -> Tuple:
    """F X F* with F = diag(phase)."""
    return phase[:, None] * X * phase.conj()


def phases(row: Complex[Tensor, " d"]) -> Complex[Tensor, " d"]:
    """The phases that make a row of X non-negative from its second entry on; 1 where it is 0."""
    size = row.abs()
    found = torch.where(size > 0, row / size.where(size > 0, torch.ones_like(size)), 1)
    return torch.cat([torch.ones_like(found[:1]), found[1:]])


def handedness(X: Tuple) -> Float[Tensor, ""]:
    """A generic sum of the imaginary parts, of weights fixed once for all: conjugation turns its
    sign, and no relation between the entries makes it zero."""
    imaginary = X.imag.flatten()
    place = torch.arange(len(imaginary), dtype=imaginary.dtype, device=imaginary.device)
    return torch.cos(place**2 + 0.5) @ imaginary


def weighted_traces(X: Tuple) -> Complex[Tensor, " vocab"]:
    """tr(Q X_w) in canonical form, the amplitude with which a token repeats the state: any change
    of basis leaves it alone, and a phase of the token turns it."""
    found = schmidt_basis(X)
    moved = change_basis(X, found.basis) / found.rho.sqrt()
    return torch.einsum("i,wii->w", found.weights.to(moved.dtype), moved)


@dataclass(frozen=True)
class Anchors:
    """What fixes the canonical form: it is a choice where one of these is zero.

    `schmidt`: gaps of neighbouring Schmidt weights over the largest; `row`: sizes in row 1 of
    sum_w X_w; `gap`: 1 - |lambda_2| / rho of the transfer operator; `imaginary`: the largest
    imaginary part, and `handed` the size of their generic sum, by which conjugation is fixed: what
    is real has neither.
    """

    schmidt: Float[Tensor, " gap"]
    row: Float[Tensor, " entry"]
    gap: float
    weights: Float[Tensor, " d"]
    imaginary: float
    handed: float


def anchors(X: Tuple) -> Anchors:
    """Sizes that no change of basis moves, and no phase of a token: each is taken such that
    tr(Q X_w) >= 0."""
    trace = weighted_traces(X)
    phase = torch.where(trace.abs() > 0, trace.conj() / trace.abs().clamp_min(1e-300), 1)
    moved, weights = in_schmidt_basis(phase[:, None, None] * X)
    gaps = (weights[:-1] - weights[1:]) / weights[0]
    row = moved.sum(0)[0, 1:].abs()
    basis = hermitian_basis(X.shape[-1], X)
    gap = spectral_gap(superoperators(moved.mH[:, None], basis).sum(0))
    imaginary, handed = float(moved.imag.abs().max()), float(handedness(moved).abs())
    return Anchors(gaps, row, gap, weights, imaginary, handed)
