"""Canonical correlations: how well directions of one representation predict those of another.

rho_1 >= rho_2 >= ... are the singular values of Q_X^T Q_Y, Q an orthonormal basis of the centred
representation's column space (Hotelling 1936; Bjoerck and Golub 1973).

mean CCA   mean of the min(rank X, rank Y) correlations: every direction counts alike, noise too
SVCCA      the same of the leading principal components that hold 99% of the variance (Raghu et al.
           2017, arXiv:1706.05806)
PWCCA      correlations weighted by how much of a representation its canonical directions carry
           (Morcos et al. 2018, arXiv:1806.05759); it differs by the side that weighs: here the mean
           of both

No linear map with an inverse is seen, so with as many features as inputs every two representations
are the same: refused where n - 1 <= p. Below that, p_X + p_Y - (n - 1) correlations, if positive,
are 1 whatever was learned; the row-permutation null shows how much that is.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.representations.given import (
    Representations,
    checked,
    padded,
    unit_size,
)
from analysis.stability.representations.procrustes import nuclear_norms

VARIANCE = 0.99


def mean_cca(representations: Representations) -> Float[Tensor, "seed seed"]:
    """Mean canonical correlation in [0, 1] of all pairs, in float64; NaN for a constant seed.

    Cost: K n p^2, then all pairs' singular values, K^2/2 of p^3. Raises ValueError where n - 1 <= p
    for the widest seed, and on what `given.checked` refuses.
    """
    return _mean_correlation(_bases(representations, 1.0)[0])


def svcca(
    representations: Representations, *, variance: float = VARIANCE
) -> Float[Tensor, "seed seed"]:
    """Mean canonical correlation of the leading components that hold this share of the variance.

    Range, cost and errors as of `mean_cca`; ValueError too for a share outside (0, 1].
    """
    if not 0 < variance <= 1:
        raise ValueError(f"variance: wanted a share in (0, 1], got {variance}")
    return _mean_correlation(_bases(representations, variance)[0])


def pwcca(representations: Representations) -> Float[Tensor, "seed seed"]:
    """Projection-weighted CCA in [0, 1], the mean of both sides' weights, all pairs.

    sum_i w_i rho_i / sum_i w_i with w_i = sum over features f of |<h_i, x_f>|, h_i the canonical
    variate. Cost about thrice `mean_cca`, as vectors are needed; errors alike.
    """
    bases, seeds = _bases(representations, 1.0)
    count = len(bases)
    found = torch.full((count, count), torch.nan, dtype=torch.float64)
    for a in range(count):
        for b in range(a, count):
            if bases[a].shape[1] and bases[b].shape[1]:
                u, rho, vh = torch.linalg.svd(bases[a].T @ bases[b], full_matrices=False)
                rho = rho.clamp(max=1.0)
                sides = ((bases[a] @ u, seeds[a]), (bases[b] @ vh.mH, seeds[b]))
                weights = [(variates.T @ x).abs().sum(1) for variates, x in sides]
                both = sum(float((w * rho).sum() / w.sum()) for w in weights) / 2
                found[a, b] = found[b, a] = both
    return found


def _bases(
    representations: Representations, variance: float
) -> tuple[list[Float[Tensor, "input _"]], list[Float[Tensor, "input _"]]]:
    """Each seed's orthonormal basis, of no columns if constant, and its centred unit-size self."""
    given = checked(representations)
    inputs, widest = len(given[0]), max(each.shape[1] for each in given)
    if inputs - 1 <= widest:
        wanted = f"more than {widest + 1} inputs for {widest} features (n - 1 > p)"
        reason = "else any two representations correlate perfectly"
        raise ValueError(f"representations: wanted {wanted}, {reason}; got {inputs}")
    seeds = [unit_size(each) for each in given]
    return [_basis(x, variance) for x in seeds], seeds


def _basis(x: Float[Tensor, "input feature"], variance: float) -> Float[Tensor, "input rank"]:
    """Left singular vectors that aren't rounding, as many as hold this share of the variance."""
    if bool(x.isnan().any()):
        return x[:, :0]
    u, size, _ = torch.linalg.svd(x, full_matrices=False)
    # As numpy and MATLAB take the rank, in the float32 that activations mostly come in.
    rank = int((size > size[0] * max(x.shape) * torch.finfo(torch.float32).eps).sum())
    held = size.square().cumsum(0) / size.square().sum()
    enough = int((held < variance - 1e-12).sum()) + 1
    return u[:, : min(rank, enough)]


def _mean_correlation(bases: list[Float[Tensor, "input _"]]) -> Float[Tensor, "seed seed"]:
    """sum_i rho_i / min(rank X, rank Y); 0/0 of a seed without rank is NaN."""
    ranks = torch.tensor([each.shape[1] for each in bases], dtype=torch.float64)
    least = torch.minimum(ranks[:, None], ranks[None, :])
    return (nuclear_norms(padded(bases)).cpu() / least).clamp(max=1.0)
