"""Mutual nearest neighbours: how many of an input's k nearest inputs two models agree on.

    m(X, Y) = mean over inputs i of |N_X(i) and N_Y(i)| / k,   N(i): the k nearest other inputs

Mutual k-NN alignment: Huh et al. 2024, arXiv:2405.07987. It sees near neighbourhoods only, where
CKA sees the largest directions. Nearness is Euclidean, which rotations, one scale and shifts don't
change; on rows of length 1 it is that paper's cosine. Two neighbourhoods dealt at random share
k/(n-1) in expectation, exactly.

All pairs of seeds are one product of stacked adjacency matrices, a chunk of inputs at a time, so
that K x n x n is never there.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analysis.stability.representations.given import Representations, checked, is_constant

CHUNK_ELEMENTS = 2**24  # seeds x inputs x neighbours-to-be held at once: 64 MB in float32


def mutual_neighbours(
    representations: Representations, *, k: int = 10
) -> Float[Tensor, "seed seed"]:
    """Share in [0, 1] of k nearest neighbours in common, all pairs; 1 on the diagonal.

    Inputs at equal distances are taken in an arbitrary order. NaN for a constant seed. Cost:
    K n^2 (p + K), memory 64 MB. Raises ValueError unless 1 <= k < n, and on what `given.checked`
    refuses.
    """
    seeds = checked(representations, least=2)
    inputs = len(seeds[0])
    if not 1 <= k < inputs:
        raise ValueError(f"k: wanted 1 to {inputs - 1} neighbours of {inputs} inputs, got {k}")
    # The mean taken away, |x|^2 + |y|^2 - 2xy keeps its digits.
    centred = [each - each.mean(0) for each in seeds]
    scaled = [x / x.abs().max().clamp(min=torch.finfo(x.dtype).tiny) for x in centred]
    chunk = max(CHUNK_ELEMENTS // (len(seeds) * inputs), 1)
    total = torch.zeros(len(seeds), len(seeds), dtype=torch.float64)
    for start in range(0, inputs, chunk):
        rows = range(start, min(start + chunk, inputs))
        near = torch.stack([_adjacency(x, rows, k) for x in scaled]).flatten(1).float()
        total += (near @ near.T).double().cpu()
    shared = total / (inputs * k)
    constant = torch.tensor([is_constant(each) for each in seeds])
    return shared.masked_fill(constant[:, None] | constant[None, :], torch.nan)


def chance_of_neighbours(inputs: int, k: int) -> float:
    """k/(n-1): the share that two unrelated neighbourhoods have in common, in expectation."""
    if not 1 <= k < inputs:
        raise ValueError(f"k: wanted 1 to {inputs - 1} neighbours of {inputs} inputs, got {k}")
    return k / (inputs - 1)


def _adjacency(x: Float[Tensor, "input feature"], rows: range, k: int) -> Bool[Tensor, "row input"]:
    """For each of these rows: which inputs are its k nearest others."""
    own = x[rows.start : rows.stop]
    # |y|^2 - 2xy orders as the distance does.
    distance = x.square().sum(1) - 2 * own @ x.T
    here = torch.arange(rows.start, rows.stop, device=x.device)
    distance.scatter_(1, here[:, None], torch.inf)
    nearest = distance.topk(k, dim=1, largest=False).indices
    return torch.zeros_like(distance, dtype=torch.bool).scatter_(1, nearest, True)
