"""Which states an automaton reaches and which it can tell apart, as two symmetric matrices.

    P = sum over words w of z^|w| (a A_w)^T (a A_w),    Q = sum over w of z^|w| (A_w b)(A_w b)^T

The products P Q have the squared singular values of the infinite, discounted Hankel matrix as
eigenvalues, whatever the basis (Moore 1981 for linear systems; Balle, Panangaden & Precup 2015).
z = 1 / (2 rho), rho the spectral radius of sum A_x (x) A_x, makes every sum converge, and depends
on no basis. A word of length n has at most 2^-n of the weight.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.processes.distance import States

STEPS = 64  # 2^-64 is below rounding
POWER_STEPS = 5000


def growth(operators: Float[Tensor, "vocab state state"]) -> Float[Tensor, ""]:
    """rho, the spectral radius of X -> sum_x A_x^T X A_x; by power iteration within the cone."""
    X = torch.eye(operators.shape[-1], dtype=operators.dtype, device=operators.device)
    X = X / X.norm()
    size = X.new_ones(())
    for _ in range(POWER_STEPS):
        moved = _pulled(X, operators, operators)
        last, size = size, moved.norm()
        if float(size) == 0:
            return size
        step, X = (moved / size - X).norm(), moved / size
        if float(step) < 1e-15 or (float(step) < 1e-13 and float((last - size).abs()) <= 0):
            break
    return size


def reached(model: States, other: States, discount: Tensor) -> Float[Tensor, "state other_state"]:
    """sum over w of z^|w| (a A_w)^T (a' A'_w); P where `other` is the model itself."""
    (start, operators, _), (start2, operators2, _) = model, other
    return _summed(torch.outer(start, start2), operators, operators2, discount)


def told_apart(
    model: States, other: States, discount: Tensor
) -> Float[Tensor, "state other_state"]:
    """sum over w of z^|w| (A_w b) (A'_w b')^T; Q where `other` is the model itself."""
    (_, operators, end), (_, operators2, end2) = model, other
    return _summed(torch.outer(end, end2), operators.mT, operators2.mT, discount)


def hankel_values(model: States) -> Float[Tensor, " state"]:
    """Singular values of the infinite discounted Hankel matrix, descending."""
    discount = discount_of(model)
    reach, tell = reached(model, model, discount), told_apart(model, model, discount)
    return torch.linalg.svdvals(root(reach).mT @ root(tell))


def discount_of(*models: States) -> Float[Tensor, ""]:
    """z at which the sums of all these converge; 1 for automata that are nilpotent to rounding."""
    rho = torch.stack([growth(operators) for _, operators, _ in models]).max()
    return torch.where(rho > 0, 1 / (2 * rho).clamp_min(torch.finfo(rho.dtype).tiny), 1)


def root(gram: Float[Tensor, "state state"]) -> Float[Tensor, "state state"]:
    """L with L L^T = gram, and directions that are not there kept apart from zero by rounding."""
    values, vectors = torch.linalg.eigh((gram + gram.mT) / 2)
    least = torch.finfo(values.dtype).eps ** 2 * values[-1].clamp_min(1e-300)
    return vectors * values.clamp_min(least).sqrt()


def _pulled(X: Tensor, left: Tensor, right: Tensor) -> Tensor:
    return torch.einsum("xij,ik,xkl->jl", left, X, right)


def _summed(first: Tensor, left: Tensor, right: Tensor, discount: Tensor) -> Tensor:
    total = term = first
    for _ in range(STEPS):
        term = discount * _pulled(term, left, right)
        total = total + term
    return total
