"""Joint eigenvectors of nearly commuting matrices, which need not be symmetric.

    B_i = P diag(lambda_i) P^-1 for all i: the columns of P are the joint eigenvectors.

A generic combination sum_i t_i B_i starts (Jennrich, in Harshman 1970; Leurgans, Ross and Abel
1993), the best of a fixed few: where its eigenvalues are simple, its eigenvectors are the joint
ones. With noise they are not, so that P is refined by least squares: to first order in E, the
off-diagonal part of (P (1 + E))^-1 B_i P (1 + E) is N_i + Lambda_i E - E Lambda_i with N_i that of
P^-1 B_i P, whence

    E_ab = -sum_i (l_ia - l_ib) N_i,ab / sum_i (l_ia - l_ib)^2

(similarity sweeps: Fu and Gao 2006; Iferroudjen, Abed-Meraim and Belouchrani 2009). Steps that
don't lower the off-diagonal part are halved. Nothing is drawn at random. Eigenvectors are unique
up to order and scale when no two columns of eigenvalues lambda_a = (l_1a, l_2a, ...) are equal.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

SWEEPS, HALVINGS, STARTS = 200, 20, 8


@dataclass(frozen=True)
class JointEigenvectors:
    """`vectors` P, columns of unit norm; `values` [matrix, eigenvector]; `inverse` P^-1.

    `residual`: the off-diagonal part of P^-1 B_i P over the size of all of it, Frobenius, in
    [0, 1]. `complex_pairs` counts the pairs of complex eigenvalues of the combination it started
    from; their real and imaginary parts started as real vectors.
    """

    vectors: Float[Tensor, "d d"]
    inverse: Float[Tensor, "d d"]
    values: Float[Tensor, "matrix d"]
    residual: float
    complex_pairs: int

    @property
    def smallest_gap(self) -> tuple[float, tuple[int, int]]:
        """The least distance of two eigenvectors' columns of values over the largest column's
        norm, and which two; infinity for one."""
        columns = self.values.T
        apart = torch.cdist(columns, columns) / columns.norm(dim=1).max().clamp_min(1e-300)
        apart.fill_diagonal_(math.inf)
        first, second = divmod(int(apart.argmin()), len(apart))
        return float(apart.min()), (min(first, second), max(first, second))

    @property
    def condition(self) -> float:
        """The 2-norm condition number of P."""
        return float(torch.linalg.cond(self.vectors))


def joint_eigenvectors(
    matrices: Float[Tensor, "matrix d d"], sweeps: int = SWEEPS
) -> JointEigenvectors:
    """Real joint eigenvectors in a canonical order: the largest eigenvalues' norm first.

    Each column has unit norm and a positive largest entry. Raises ValueError for no matrix and for
    numbers that are not finite.
    """
    if not len(matrices) or not bool(matrices.isfinite().all()):
        raise ValueError(f"matrices: wanted finite ones, one at least, got {len(matrices)}")
    start, pairs = _best_start(matrices)
    vectors = _refined(matrices, start, sweeps)
    values = _diagonals(_turned(matrices, vectors))
    order = values.norm(dim=0).argsort(descending=True, stable=True)
    vectors = vectors[:, order]
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    vectors = vectors * torch.where(largest < 0, -1.0, 1.0).to(vectors.dtype)
    residual = _off_share(_turned(matrices, vectors))
    inverse = torch.linalg.inv(vectors)
    return JointEigenvectors(vectors, inverse, values[:, order], residual, pairs)


def commutator_residual(
    matrices: Float[Tensor, "matrix d d"], piece: int = 64
) -> tuple[float, float]:
    """The mean and the largest ||[B_u, B_w]|| / (||B_u|| ||B_w||) over pairs, Frobenius norms.

    0 where all commute; at most sqrt(2) (Boettcher and Wenzel 2008). The identity's share is left
    in: B less its mean diagonal has the same commutators and may be what you want to compare.
    Fewer than two matrices give 0.
    """
    count = len(matrices)
    unit = matrices / matrices.flatten(1).norm(dim=1).clamp_min(1e-300)[:, None, None]
    total, largest = 0.0, 0.0
    for first in range(0, count, piece):
        a = unit[first : first + piece]
        products = torch.einsum("uij,wjk->uwik", a, unit)
        products = products - torch.einsum("wij,ujk->uwik", unit, a)
        sizes = products.flatten(2).norm(dim=2)
        total, largest = total + float(sizes.sum()), max(largest, float(sizes.max()))
    return (total / max(count * (count - 1), 1), largest)


def _best_start(matrices: Float[Tensor, "matrix d d"]) -> tuple[Tensor, int]:
    """Of STARTS fixed combinations, the eigenvectors that come nearest to diagonal forms."""
    found = [_generic_start(matrices, start) for start in range(STARTS)]
    sizes = [_off_share(_turned(matrices, vectors)) if ok else 2.0 for vectors, _, ok in found]
    vectors, pairs, ok = found[sizes.index(min(sizes))]
    # A defective combination: no start is near a diagonal form.
    return (vectors if ok else torch.eye(len(vectors)).to(vectors)), pairs


def _generic_start(matrices: Tensor, start: int) -> tuple[Tensor, int, bool]:
    """Eigenvectors of the combination with weights cos(1 + start + i sqrt 2), the number of its
    complex pairs, and whether the vectors are a basis."""
    phase = torch.arange(len(matrices), dtype=matrices.dtype, device=matrices.device)
    weight = (1 + start + phase * math.sqrt(2)).cos()
    found = torch.linalg.eig(torch.einsum("i,ijk->jk", weight, matrices))
    # Eigenvalues of a pair stand side by side: its vectors become the real and imaginary part.
    least = 1e-12 * float(found.eigenvalues.abs().max())
    below = found.eigenvalues.imag < -least
    vectors = _unit(torch.where(below, found.eigenvectors.imag, found.eigenvectors.real))
    basis = bool(torch.linalg.svdvals(vectors)[-1] > 1e-12)
    return vectors, int(below.sum()), basis


def _refined(matrices: Tensor, vectors: Tensor, sweeps: int) -> Tensor:
    turned = _turned(matrices, vectors)
    off = _off_share(turned)
    for _ in range(sweeps):
        change = _correction(turned)
        for halving in range(HALVINGS):
            tried = _unit(vectors + 0.5**halving * vectors @ change)
            moved = _turned(matrices, tried)
            found = _off_share(moved)
            if found < off:
                break
        else:
            return vectors
        gained, vectors, turned, off = off - found, tried, moved, found
        if gained <= 1e-10 * off:
            return vectors
    return vectors


def _correction(turned: Float[Tensor, "matrix d d"]) -> Float[Tensor, "d d"]:
    """E, zero on the diagonal and between eigenvectors that all matrices give equal values."""
    values = _diagonals(turned)
    gaps = values[:, :, None] - values[:, None, :]
    below = gaps.square().sum(0)
    change = -(gaps * turned).sum(0) / below.clamp_min(1e-300)
    change = change.masked_fill(below <= 1e-24 * values.square().sum(), 0.0)
    largest = float(change.abs().max())
    return change / max(1.0, 2 * largest)


def _turned(matrices: Tensor, vectors: Tensor) -> Float[Tensor, "matrix d d"]:
    return torch.linalg.solve(vectors, matrices @ vectors)


def _diagonals(matrices: Tensor) -> Float[Tensor, "matrix d"]:
    return matrices.diagonal(dim1=-2, dim2=-1)


def _off_share(turned: Float[Tensor, "matrix d d"]) -> float:
    off = turned - torch.diag_embed(_diagonals(turned))
    return float(off.norm() / turned.norm().clamp_min(1e-300))


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=0).clamp_min(1e-300)
