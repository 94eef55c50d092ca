"""The leading eigenvalue of the operator that compares two tuples, and its vectors on both sides.

    sum_w A_w U X_w* = mu U,    sum_w A_w* V X_w = conj(mu) V

Of small operators all eigenvalues are found, of large ones the leading two by Arnoldi, from the
vectors of a tuple near by.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex
from torch import Tensor

from interpretable_arch.maths.processes.operator_tuples import OperatorTuple

DENSE = 192
Vector = Complex[Tensor, "n d"]
Tuple = Complex[Tensor, "vocab d d"]


@dataclass(frozen=True)
class Leading:
    """mu, the largest in size, its vectors, and `gap` 1 - |mu_2 / mu_1|."""

    mu: Complex[Tensor, ""]
    U: Vector
    V: Vector
    gap: float


def leading(data: OperatorTuple, X: Tuple, near: Leading | None = None) -> Leading:
    """Of `data` and X in double precision; where there are two of one size, either."""
    n, d = data.size, X.shape[-1]
    if n * d > DENSE:
        return _arnoldi(data, X, near)
    values, vectors = torch.linalg.eig(data.mixed(X))
    order = values.abs().argsort(descending=True)
    unit = torch.zeros(n * d, dtype=values.dtype)
    unit[order[0]] = 1
    # Rows of the inverse are the vectors of the other side.
    left = torch.linalg.solve(vectors.mH, unit)
    gap = float(1 - values[order[1]].abs() / values[order[0]].abs()) if n * d > 1 else 1.0
    U, V = vectors[:, order[0]].reshape(n, d), left.reshape(n, d)
    return Leading(values[order[0]], U, V, gap)


def _arnoldi(data: OperatorTuple, X: Tuple, near: Leading | None) -> Leading:
    one = torch.ones(data.size, X.shape[-1], dtype=X.dtype)
    values, U = _two(lambda U: data.push(U, X), one if near is None else near.U)
    _, V = _two(lambda V: data.pull(V, X), one if near is None else near.V)
    return Leading(torch.tensor(values[0]), U, V, float(1 - abs(values[1]) / abs(values[0])))


def _two(apply: Callable[[Tensor], Tensor], start: Vector) -> tuple[np.ndarray, Vector]:
    """The two eigenvalues of largest size, and the first one's vector."""
    from scipy.sparse import linalg

    def on_flat(x: np.ndarray) -> np.ndarray:
        return apply(torch.from_numpy(x).reshape(start.shape)).flatten().numpy()

    size = start.numel()
    # Without their stubs: these take no float as tolerance.
    arpack: Any = linalg
    operator = arpack.LinearOperator((size, size), matvec=on_flat, dtype="complex128")
    values, vectors = arpack.eigs(operator, k=2, v0=start.flatten().numpy(), tol=1e-13)
    order = np.argsort(-np.abs(values))
    first = np.ascontiguousarray(vectors[:, order[0]])
    return values[order], torch.from_numpy(first).reshape(start.shape)
