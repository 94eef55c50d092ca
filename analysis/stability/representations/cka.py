"""How much the representations differ: linear centred kernel alignment (CKA) of all pairs.

    CKA(X, Y) = HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)),   A = X X^T, B = Y Y^T over m inputs

biased    HSIC_0 = tr(H A H B), H = I - 11^T/m. CKA in [0, 1]; p/(m+p) for independent Gaussians, so
          it says little where the p features are not few against the m inputs.
debiased  HSIC_1 = [tr(AB) + 1A1 1B1/((m-1)(m-2)) - 2 1AB1/(m-2)] / (m(m-3)), zeroed diagonals.
          CKA in [-1, 1]; 0 in expectation for independent representations.

HSIC_1 is the inner product of U-centred Grams over m(m-3) (Szekely and Rizzo 2014), so both
estimators for all K(K-1)/2 pairs are ONE matrix product of stacked centred Grams. CKA: Kornblith et
al. 2019, arXiv:1905.00414; HSIC_1: Song et al. 2012; debiased and by minibatch (average the terms,
then divide): Nguyen et al. 2021, arXiv:2010.15327. CKA doesn't see orthogonal maps, one scale, or a
shift of the features.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_INPUTS = 4  # HSIC_1 divides by m - 3


def cka(
    representations: Float[Tensor, "seed input feature"],
    *,
    debiased: bool = True,
    batch: int = 1024,
) -> Float[Tensor, "seed seed"]:
    """Linear CKA of all pairs of seeds on the same inputs, worked out in the precision given.

    More than `batch` inputs are split at random (always the same way) into parts of nearly equal
    size, HSIC averaged over the parts. A constant representation has no CKA: its row and column are
    NaN. Raises ValueError on fewer than four inputs, or values that are not finite.
    """
    _check(representations, batch)
    hsic = _hsic(representations.detach(), debiased, batch)
    hsic[list(constant_seeds(representations))] = math.nan
    norm = hsic.diagonal().sqrt()
    return (hsic / (norm[:, None] * norm[None, :])).clamp(-1.0, 1.0)


def constant_seeds(representations: Float[Tensor, "seed input feature"]) -> tuple[int, ...]:
    """Seeds whose representation is the same for every input, to rounding: they have no CKA."""
    spread = (representations - representations[:, :1]).abs().flatten(1).amax(1)
    size = representations.abs().flatten(1).amax(1)
    rounding = 8 * torch.finfo(representations.dtype).eps
    return tuple(torch.nonzero(spread <= rounding * size).flatten().tolist())


def _hsic(
    representations: Float[Tensor, "seed input feature"], debiased: bool, batch: int
) -> Float[Tensor, "seed seed"]:
    """Either HSIC over m(m-3), averaged over the parts, in units of each seed's whole spread."""
    seeds, inputs, _ = representations.shape
    # CKA doesn't see shift and scale, but float32 loses its digits on a large mean and overflows.
    mean = representations.mean(1, keepdim=True)
    largest = [(x - x.mean(0)).abs().max() for x in representations]
    spread = torch.stack(largest).clamp(min=torch.finfo(representations.dtype).tiny)
    parts = torch.randperm(inputs, generator=torch.Generator().manual_seed(0))
    parts = parts.to(representations.device).tensor_split(math.ceil(inputs / batch))
    total = torch.zeros(seeds, seeds, dtype=torch.float64)
    for part in parts:
        x = representations if len(parts) == 1 else representations[:, part]
        x = (x - mean) / spread[:, None, None]
        grams = _u_centred_grams(x) if debiased else _centred_grams(x)
        product = (grams.flatten(1) @ grams.flatten(1).T).double().cpu()
        total += (product + product.T) / (2 * len(parts) * len(part) * (len(part) - 3))
    return total


def _centred_grams(x: Float[Tensor, "seed input feature"]) -> Float[Tensor, "seed input input"]:
    x = x - x.mean(1, keepdim=True)
    return x @ x.mT


def _u_centred_grams(x: Float[Tensor, "seed input feature"]) -> Float[Tensor, "seed input input"]:
    """Grams with zero diagonal and, off it, a_ij - a_i./(m-2) - a_.j/(m-2) + a_../((m-1)(m-2))."""
    m = x.shape[1]
    grams = x @ x.mT
    grams.diagonal(dim1=1, dim2=2).zero_()
    rows = grams.sum(2, keepdim=True) / (m - 2)
    grams -= rows
    grams -= rows.mT
    grams += rows.sum(1, keepdim=True) / (m - 1)
    grams.diagonal(dim1=1, dim2=2).zero_()
    return grams


def _check(representations: Float[Tensor, "seed input feature"], batch: int) -> None:
    if representations.ndim != 3 or 0 in representations.shape:
        got = tuple(representations.shape)
        raise ValueError(f"representations: wanted seed x input x feature, got shape {got}")
    if not representations.is_floating_point():
        raise ValueError(f"representations: wanted real floats, got {representations.dtype}")
    if min(representations.shape[1], batch // 2) < LEAST_INPUTS:
        got = f"{representations.shape[1]} inputs in batches of {batch}"
        raise ValueError(f"representations: wanted at least 4 inputs, batches of 8, got {got}")
    bad = [seed for seed, each in enumerate(representations) if not bool(each.isfinite().all())]
    if bad:
        raise ValueError(f"representations: wanted finite numbers, got others from seeds {bad}")
