"""How much the representations differ: linear centred kernel alignment (CKA) of all pairs.

    CKA(X, Y) = HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)),   A = X X^T, B = Y Y^T over m inputs

biased    HSIC_0 = tr(H A H B), H = I - 11^T/m. CKA in [0, 1]; p/(m+p) for independent Gaussians, so
          it says little where the p features are not few against the m inputs.
debiased  HSIC_1 = [tr(AB) + 1A1 1B1/((m-1)(m-2)) - 2 1AB1/(m-2)] / (m(m-3)), zeroed diagonals.
          CKA in [-1, 1]; 0 in expectation for independent representations.

HSIC_1 is the inner product of U-centred Grams over m(m-3) (Szekely and Rizzo 2014), so both
estimators for all K(K-1)/2 pairs are ONE matrix product of stacked Grams. Of centred X the rows of
A sum to nothing, so that 1A1 and 1AB1 need the diagonals only. CKA: Kornblith et
al. 2019, arXiv:1905.00414; HSIC_1: Song et al. 2012; debiased and by minibatch (average the terms,
then divide): Nguyen et al. 2021, arXiv:2010.15327. CKA doesn't see orthogonal maps, one scale, or a
shift of the features.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.representations.given import (
    Representations,
    checked,
    constant_seeds,
    is_constant,
)

__all__ = [
    "LEAST_INPUTS",
    "cka",
    "constant_seeds",
    "grams",
    "hsic",
    "normalised",
    "products",
    "scaled",
]

LEAST_INPUTS = 4  # HSIC_1 divides by m - 3
STRIP = 64  # inputs whose Grams are held at once: near the cores, and K n numbers each


def cka(
    representations: Representations, *, debiased: bool = True, batch: int = 1024
) -> Float[Tensor, "seed seed"]:
    """Linear CKA of all pairs of seeds on the same inputs, worked out in the precision given.

    Widths may differ between seeds. More than `batch` inputs are split at random (always the same
    way) into parts of nearly equal size, HSIC averaged over the parts. A constant representation
    has no CKA: its row and column are NaN. Cost, for K seeds, n inputs, m = min(n, batch):
    n m (K p + K^2)/2 multiplications, 64 K m numbers of memory. Raises ValueError on fewer than
    four inputs, batches of fewer than eight, and what `given.checked` refuses.
    """
    if batch < 2 * LEAST_INPUTS:
        raise ValueError(f"batch: wanted at least 8 inputs, got {batch}")
    seeds = checked(representations, least=LEAST_INPUTS)
    inputs = len(seeds[0])
    alike = [scaled(each) for each in seeds]
    order = torch.randperm(inputs, generator=torch.Generator().manual_seed(0))
    parts = order.to(seeds[0].device).tensor_split(math.ceil(inputs / batch))
    total = torch.zeros(len(seeds), len(seeds), dtype=torch.float64)
    for part in parts:
        whole = len(parts) == 1
        total += hsic(alike if whole else [each[part] for each in alike], debiased=debiased)
    constant = [seed for seed, each in enumerate(seeds) if is_constant(each)]
    total[constant] = math.nan
    return normalised(total)


def hsic(
    matrices: Sequence[Float[Tensor, "input _"]], *, debiased: bool = True
) -> Float[Tensor, "seed seed"]:
    """HSIC_1 (or HSIC_0) of all pairs over m(m-3), in float64 on the CPU: one product of Grams.

    The debiased one is unbiased for its expectation, so means over batches are too. Grams are
    symmetric and are worked out a strip of inputs at a time, on and above the diagonal only.
    """
    m, x = len(matrices[0]), [each - each.mean(0) for each in matrices]
    total = torch.zeros(len(x), len(x), dtype=torch.float64, device=x[0].device)
    for start in range(0, m, STRIP):
        here, later = slice(start, start + STRIP), slice(start + STRIP, m)
        block = grams([(each[here], each[here]) for each in x])
        if debiased:
            block.diagonal(dim1=1, dim2=2).zero_()
        total += products(block)
        if start + STRIP < m:
            total += 2 * products(grams([(each[here], each[later]) for each in x]))
    if debiased:
        # The rows of a centred Gram sum to nothing: with no diagonal, to minus the diagonal.
        sizes = torch.stack([each.double().square().sum(1) for each in x])
        whole = sizes.sum(1)
        total += torch.outer(whole, whole) / ((m - 1) * (m - 2)) - 2 * sizes @ sizes.T / (m - 2)
    return ((total + total.T) / (2 * m * (m - 3))).cpu()


def normalised(hsic: Float[Tensor, "seed seed"]) -> Float[Tensor, "seed seed"]:
    """HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)), cut to [-1, 1] for rounding's sake."""
    norm = hsic.diagonal().sqrt()
    return (hsic / (norm[:, None] * norm[None, :])).clamp(-1.0, 1.0)


def scaled(x: Float[Tensor, "input feature"]) -> Float[Tensor, "input feature"]:
    """CKA doesn't see shift and scale, but float32 loses its digits on a large mean, overflows."""
    x = x - x.mean(0)
    return x / x.abs().max().clamp(min=torch.finfo(x.dtype).tiny)


def grams(sides: Sequence[tuple[Tensor, Tensor]]) -> Float[Tensor, "seed here there"]:
    """Inner products of two sets of inputs, of every seed."""
    left, right = sides[0]
    grams = left.new_empty(len(sides), len(left), len(right))
    for gram, (left, right) in zip(grams, sides, strict=True):
        torch.mm(left, right.T, out=gram)
    return grams


def products(grams: Float[Tensor, "seed here there"]) -> Float[Tensor, "seed seed"]:
    """Inner products of the Grams of all pairs of seeds, in float64."""
    flat = grams.flatten(1)
    return (flat @ flat.T).double()
