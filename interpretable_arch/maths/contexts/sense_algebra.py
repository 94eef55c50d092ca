"""From the token matrices of a context tensor to classes: their shares, words and left contexts.

With G_w = A diag(pi_c p(w|c)) C^T, A and C the projected p(u|c) and p(v|c) of the two sides,

    B_w = G_w G_0^-1 = A diag(p(w|c)) A^-1,    G_0 = sum_w G_w = A diag(pi) C^T

all commute; their joint eigenvectors are the columns of A up to scale, their eigenvalues p(w|c).
The left words follow without loss from the unprojected rows, sum_w T[w] V = p(u|c) diag(pi) C^T,
as (sum_w T[w] V) G_0^-1 A = p(u|c), and pi from the mean projected left context, A pi. Anandkumar,
Ge, Hsu, Kakade and Telgarsky 2014 (arXiv 1210.7559); Hsu and Kakade 2013 (arXiv 1206.5766).

Before the joint eigenvectors are taken, the word mode is reduced to its d leading combinations,
each word weighed by p(w)^-1/2: with d classes the others are noise.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.contexts.context_tensor import ContextTensor
from interpretable_arch.maths.joint_eigenvectors import (
    JointEigenvectors,
    commutator_residual,
    joint_eigenvectors,
)

FREQUENT = 200  # words whose matrices' commutators are looked at
LEAST = 1e-15


@dataclass(frozen=True, eq=False)
class Classes:
    """`share` pi [class], descending; `words` p(w|c) and `left` p(u|c) [class, vocab].

    Negative numbers that noise makes are cut off: `negative` is the share of the size of all
    entries that was. `eigen` are the joint eigenvectors as found, in their own order.
    """

    share: Float[Tensor, " class"]
    words: Float[Tensor, "class vocab"]
    left: Float[Tensor, "class vocab"]
    negative: float
    eigen: JointEigenvectors


def token_matrices(found: ContextTensor) -> Float[Tensor, "vocab d d"]:
    """B_w = G_w G_0^-1; they sum to the identity."""
    inverse = torch.linalg.pinv(found.slices.sum(0))
    return found.slices @ inverse


def token_commutators(
    matrices: Float[Tensor, "vocab d d"], share: Float[Tensor, " vocab"]
) -> tuple[float, float]:
    """Mean and largest ||[B_u, B_w]|| / (||B_u|| ||B_w||) over the FREQUENT most frequent words."""
    often = share.argsort(descending=True, stable=True)[:FREQUENT]
    return commutator_residual(matrices[often[share[often] > 0]])


def classes_of(found: ContextTensor, smoothing: float = 0.0) -> Classes:
    """The classes, after cutting off negative entries and mixing in `smoothing` of the text's own
    frequencies."""
    matrices = token_matrices(found)
    eigen = joint_eigenvectors(_leading(matrices, found.word_share))
    P, back = eigen.vectors, eigen.inverse
    words = torch.einsum("ca,wab,bc->cw", back, matrices, P)
    left = (found.left_rows @ torch.linalg.pinv(found.slices.sum(0)) @ P).T
    left = left / left.sum(1, keepdim=True)
    projected = found.left_basis.T @ left.T
    share = torch.linalg.lstsq(projected, (found.left_basis.T @ found.left_share)[:, None]).solution
    order = share[:, 0].argsort(descending=True, stable=True)
    tables = (words[order], left[order])
    cut = sum(float(t.clamp_max(0).abs().sum()) for t in tables)
    negative = cut / sum(float(t.abs().sum()) for t in tables)
    return Classes(
        _distribution(share[order, 0]),
        _smoothed(tables[0], found.word_share, smoothing),
        _smoothed(tables[1], found.left_share, smoothing),
        negative,
        eigen,
    )


def _leading(
    matrices: Float[Tensor, "vocab d d"], share: Float[Tensor, " vocab"]
) -> Float[Tensor, "combination d d"]:
    """The d leading combinations of the words' matrices, at their own sizes."""
    d = matrices.shape[-1]
    weight = torch.where(share > 0, share, torch.inf).rsqrt()
    flat = matrices.flatten(1) * weight[:, None]
    if len(flat) < d * d:
        vectors = torch.linalg.eigh(flat @ flat.T).eigenvectors.flip(-1)[:, :d]
        rows = vectors.T @ flat
    else:
        vectors = torch.linalg.eigh(flat.T @ flat).eigenvectors.flip(-1)[:, :d]
        rows = (vectors * torch.linalg.vector_norm(flat @ vectors, dim=0)).T
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    return (rows * torch.where(largest < 0, -1.0, 1.0)).unflatten(1, (d, d))


def _smoothed(table: Tensor, share: Tensor, smoothing: float) -> Tensor:
    return _distribution((1 - smoothing) * _distribution(table) + smoothing * share)


def _distribution(table: Float[Tensor, "*row entry"]) -> Float[Tensor, "*row entry"]:
    positive = table.clamp_min(LEAST)
    return positive / positive.sum(-1, keepdim=True)
