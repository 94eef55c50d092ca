"""Quadratic forms that are sums of products of two linear forms, and their eigenfeatures.

    q(x) = sum_h c_h (l_h . x)(r_h . x) = x Q x^T,   Q = sum_h c_h (l_h r_h^T + r_h l_h^T) / 2
         = sum_i lambda_i (v_i . x)^2

Only the symmetric part of sum_h c_h l_h r_h^T acts, and only its eigenvectors are orthonormal: of
the sum as it stands, eigh reads one triangle and answers for another form. The rank of Q is at
most twice the number of products, so beyond that a thin QR of [l r] leaves a small problem.
Effective rank: exp of the entropy of |lambda| / sum |lambda| (Roy and Vetterli 2007).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Eigenfeatures:
    """values [rank] in falling order of size, vectors [rank, d] as orthonormal rows.

    A vector has a free sign, and vectors of equal values rotate freely: compare the subspaces.
    """

    values: Float[Tensor, " rank"]
    vectors: Float[Tensor, "rank d"]

    def form(
        self, x: Float[Tensor, "*index d"], keep: int | None = None
    ) -> Float[Tensor, "*index"]:
        """sum_i lambda_i (v_i . x)^2 over the first `keep` (None: all, which is q itself)."""
        return (x @ self.vectors[:keep].T).square() @ self.values[:keep]

    def effective_rank(self) -> float:
        """exp of the entropy of |lambda| / sum |lambda|, from 1 to the rank; 0 for a zero form."""
        return effective_rank(self.values)


def effective_rank(values: Float[Tensor, " rank"]) -> float:
    """exp of the entropy of |values| / sum |values|; 0 where all are zero."""
    size = values.abs()
    if not bool(size.any()):
        return 0.0
    share = size / size.sum()
    return float(torch.special.entr(share).sum().exp())


def interaction(
    left: Float[Tensor, "d product"],
    right: Float[Tensor, "d product"],
    coefficients: Float[Tensor, " product"],
) -> Float[Tensor, "d d"]:
    """Q, symmetric: q(x) = x Q x^T."""
    half = torch.einsum("dh,h,eh->de", left, coefficients, right)
    return (half + half.mT) / 2


def eigenfeatures(
    left: Float[Tensor, "d product"],
    right: Float[Tensor, "d product"],
    coefficients: Float[Tensor, " product"],
) -> Eigenfeatures:
    """The eigenpairs of Q, min(d, 2 products) of them; Q itself is built only where it is small."""
    if left.shape[0] <= 2 * left.shape[1]:
        values, vectors = torch.linalg.eigh(interaction(left, right, coefficients))
    else:
        basis, inner = torch.linalg.qr(torch.cat([left, right], 1))
        small_left, small_right = inner.tensor_split(2, dim=1)
        values, vectors = torch.linalg.eigh(interaction(small_left, small_right, coefficients))
        vectors = basis @ vectors
    order = values.abs().argsort(descending=True, stable=True)
    return Eigenfeatures(values[order], vectors.T[order])
