"""Other ways to as many poles, with as many numbers: none can be nearer in the Hankel norm.

Prony (1795): linear prediction by least squares, then residues. Shift of the leading singular
vectors (Kung 1978). Balanced truncation (Moore 1981). Truncated singular values: the nearest
matrix of rank k, which is no Hankel matrix, averaged along its antidiagonals; what comes out is no
sum of k poles either, and is realised as one. Least squares on the samples, from balanced
truncation (a local optimum).
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from jaxtyping import Complex
from torch import Tensor

from interpretable_arch.maths.signals.hankel_operator import (
    Signal,
    hankel,
    pole_sum,
    realised,
    residues_of,
)

Poles = tuple[Complex[Tensor, " pole"], Complex[Tensor, " pole"]]


def prony(h: Signal, count: int) -> Poles:
    """The zeros of the best linear prediction from `count` samples."""
    rows = h.unfold(0, count + 1, 1)
    prediction = torch.linalg.lstsq(rows[:, :-1], -rows[:, -1:]).solution[:, 0]
    poles = torch.from_numpy(np.roots([1, *prediction.flip(0).numpy()]).astype(complex))
    return poles, residues_of(h, poles)


def balanced_truncation(h: Signal, count: int) -> Poles:
    """The leading part of the balanced realisation of the whole operator."""
    U, s, Vh = torch.linalg.svd(hankel(h))
    left, right = U[:, :count] * s[:count].sqrt(), s[:count, None].sqrt() * Vh[:count]
    A = (U[:-1, :count].mH / s[:count].sqrt()[:, None]) @ left[1:]
    poles, W = torch.linalg.eig(A)
    return poles, (left[0] @ W) * torch.linalg.solve(W, right[:, 0])


def truncated_values(h: Signal, count: int) -> Poles:
    """The nearest matrix of rank `count`, averaged along antidiagonals, realised."""
    n = len(h) // 2
    at = torch.arange(n)[:, None] + torch.arange(n)
    U, s, Vh = torch.linalg.svd(h[at])
    nearest = (U[:, :count] * s[:count]) @ Vh[:count]
    sums = torch.zeros(2 * n - 1, dtype=h.dtype).index_add(0, at.flatten(), nearest.flatten())
    return realised(sums / torch.bincount(at.flatten()), count)


def least_squares(h: Signal, count: int) -> Poles:
    """The nearest in the sum of squares over the samples, from balanced truncation."""
    from scipy import optimize

    def at(x: np.ndarray) -> Poles:
        poles = torch.view_as_complex(torch.from_numpy(x.reshape(count, 2)))
        return poles, residues_of(h, poles)

    def left_over(x: np.ndarray) -> np.ndarray:
        gap = pole_sum(*at(x), torch.arange(len(h))) - h
        return torch.view_as_real(gap).flatten().numpy()

    start = torch.view_as_real(balanced_truncation(h, count)[0]).flatten().numpy()
    return at(optimize.least_squares(left_over, start, max_nfev=60).x)


RIVALS: Mapping[str, Callable[[Signal, int], Poles]] = {
    "Prony": prony,
    "shift of singular vectors": realised,
    "balanced truncation": balanced_truncation,
    "truncated singular values": truncated_values,
    "least squares": least_squares,
}
