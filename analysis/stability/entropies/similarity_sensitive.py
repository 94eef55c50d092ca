"""Diversity that knows how alike the solutions are: Vendi, von Neumann, Leinster-Cobbold.

K is seed x seed with K_ii = 1, n seeds, l the eigenvalues of K/n; effective numbers in [1, n]:

    Vendi of order q              (sum l^q)^(1/(1-q))                    Friedman, Dieng 2023,
                                                                          arXiv:2210.02410
    order 2 of it                 n^2 / sum_ij K_ij^2                    no eigenvalue is needed
    Leinster-Cobbold of order q   (sum_i (Kp)_i^(q-1) / n)^(1/(1-q))     Leinster, Cobbold 2012
                                  at p = 1/n                             (10.1890/10-2402.1)

Vendi is exp of the Renyi entropy of a density matrix, which K/n is only where K is positive
semidefinite. Matched similarities generally are not: order 2 or Leinster-Cobbold is for them.
Orders 0, 1 and infinity are limits: rank, Shannon's entropy, and the largest eigenvalue or
commonness alone.

Bias. Each seed is one of its own neighbours, so all of these are at most n and speak of ensembles
of n seeds: E sum K_ij^2 / n^2 = 1/n + (1 - 1/n) E K_12^2, a diversity too low. At order 2 leaving
out the diagonal repairs it (`unbiased_order_two`); with K_ij = [same class] that is the collision
probability. For other orders no such repair is known.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.estimates.intervals import (
    Interval,
    jackknife,
    off_diagonal,
    pair_interval,
    undefined,
)

Similarity = Float[Tensor, "seed seed"]


def vendi(similarity: Similarity, *, order: float = 1.0) -> float:
    """Effective number of different seeds, in [1, n]; cost seed^3, at order 2 seed^2.

    Raises ValueError for an order below 0, a matrix that is not symmetric and finite with a
    diagonal of ones, or, at orders other than 2, one that is not positive semidefinite.
    """
    return math.exp(von_neumann_entropy(similarity, order=order))


def von_neumann_entropy(similarity: Similarity, *, order: float = 1.0) -> float:
    """Renyi entropy of this order of the eigenvalues of K/n: nats, in [0, log n]; see `vendi`."""
    _check_order(order)
    K = _checked(similarity)
    if order == 2:
        return -math.log(float((K / len(K)).square().sum()))
    return _renyi(_spectrum(K, torch.finfo(similarity.dtype).eps), order)


def leinster_cobbold(similarity: Similarity, *, order: float = 1.0) -> float:
    """Effective number of different seeds by similarities in [0, 1], PSD or not; in [1, n].

    At order 2 it is n^2 / sum_ij K_ij, Vendi's of the square roots of K. Raises ValueError as
    `vendi` does, and on a similarity outside [0, 1].
    """
    _check_order(order)
    K = _checked(similarity)
    slack = 8 * len(K) * torch.finfo(similarity.dtype).eps
    if float(K.min()) < -slack or float(K.max()) > 1 + slack:
        got = f"{float(K.min()):.3g} to {float(K.max()):.3g}"
        raise ValueError(f"similarity: wanted numbers in [0, 1], got {got}")
    commonness = K.mean(1)
    if order == 1:
        return math.exp(-float(commonness.log().mean()))
    if math.isinf(order):
        return 1 / float(commonness.max())
    return _power_mean(commonness, order)


def unbiased_order_two(similarity: Similarity, *, level: float = 0.95) -> Interval:
    """Mean of K_ij^2 over pairs of different seeds, jackknife-t, cut to be at least 0.

    Unbiased for what two new seeds share, from two seeds on; -log of it is entropy of order 2 in
    nats, biased and infinite where no two seeds share anything.
    """
    squares = _checked(similarity).square()
    return pair_interval(squares, level=level).clipped(0.0, float(squares.max()))


def diversity_interval(
    measure: Callable[[Similarity], float], similarity: Similarity, *, level: float = 0.95
) -> Interval:
    """Leave-one-seed-out jackknife-t of one of these effective numbers, cut to [1, n].

    It speaks of ensembles of n seeds, the bias above is not removed: the number grows with n.
    Undefined below three seeds: with one of two left out there is 1 whatever they are.
    """
    K = _checked(similarity)
    if len(K) == 2:
        return undefined(measure(K), "two seeds are one pair", level)
    found = jackknife(lambda kept: measure(K[kept][:, kept]), len(K), level=level)
    return found.clipped(1.0, float(len(K)))


def smallest_eigenvalue(similarity: Similarity) -> float:
    """The smallest eigenvalue of K, below 0 where K is not positive semidefinite."""
    return float(torch.linalg.eigvalsh(_checked(similarity))[0])


def _renyi(shares: Float[Tensor, "part"], order: float) -> float:
    if order == 1:
        return float(torch.special.entr(shares).sum())
    if math.isinf(order):
        return -math.log(float(shares.max()))
    return float((order * shares.log()).logsumexp(0)) / (1 - order)


def _power_mean(commonness: Float[Tensor, "seed"], order: float) -> float:
    powers = (order - 1) * commonness.log()
    return math.exp((float(powers.logsumexp(0)) - math.log(len(powers))) / (1 - order))


def _spectrum(K: Similarity, eps: float) -> Float[Tensor, "part"]:
    """The eigenvalues of K/n that are above rounding, which alone at order 0 would count as seeds.

    What lies as far below zero as rounding reaches is zero; anything lower is refused.
    """
    shares = torch.linalg.eigvalsh(K) / len(K)
    rounding = 8 * len(K) * max(eps, torch.finfo(K.dtype).eps)
    if float(shares[0]) < -rounding:
        raise ValueError(
            "similarity: wanted a positive semidefinite matrix, got smallest eigenvalue "
            f"{float(shares[0]) * len(K):.3g}; take order 2 or Leinster-Cobbold"
        )
    return shares[shares > rounding]


def _check_order(order: float) -> None:
    if not order >= 0:
        raise ValueError(f"order: wanted a number from 0 to infinity, got {order}")


def _checked(similarity: Similarity) -> Similarity:
    """The matrix in float64, symmetric and with its diagonal of ones."""
    K = off_diagonal(similarity)
    diagonal = similarity.detach().double().cpu().diagonal()
    if not torch.allclose(diagonal, torch.ones_like(diagonal), rtol=0, atol=1e-5):
        got = f"{float(diagonal.min()):.4g} to {float(diagonal.max()):.4g}"
        raise ValueError(f"similarity: wanted 1 all along the diagonal, got {got}")
    return K.fill_diagonal_(1.0)
