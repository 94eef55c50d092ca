"""Mutual nearest neighbours: how many of an input's k nearest inputs two models agree on.

    m(X, Y) = mean over inputs i of w_X(i).w_Y(i) / (|w_X(i)| |w_Y(i)|)

w_X(i) has a 1 at each of the k nearest other inputs, so that m is |N_X(i) and N_Y(i)| / k; where
several are as far as the k-th (to 1e-6 of the largest distance), these share evenly the places that
are left. So the same cloud, turned, has m = 1 however many distances tie, as of discrete codes.

Mutual k-NN alignment: Huh et al. 2024, arXiv:2405.07987. It sees near neighbourhoods only, where
CKA sees the largest directions. Nearness is Euclidean, which rotations, one scale and shifts don't
change; on rows of length 1 it is that paper's cosine. Distances are worked out in float64: a few
inputs far from the rest would cost float32 the digits that tell the near ones apart.

All pairs of seeds are one product of stacked adjacency matrices, a chunk of inputs at a time, so
that K x n x n is never there.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.representations.given import Representations, checked, is_constant

CHUNK_ELEMENTS = 2**23  # seeds x inputs x neighbours-to-be held at once: 64 MB in float64
TIED = 1e-6  # of the largest distance from an input


def mutual_neighbours(
    representations: Representations, *, k: int = 10
) -> Float[Tensor, "seed seed"]:
    """Share in [0, 1] of k nearest neighbours in common, all pairs; 1 on the diagonal.

    NaN for a constant seed. Cost: K n^2 (p + K) in float64, memory 64 MB. Raises ValueError unless
    1 <= k < n, and on what `given.checked` refuses.
    """
    seeds = checked(representations, least=2)
    inputs = len(seeds[0])
    if not 1 <= k < inputs:
        raise ValueError(f"k: wanted 1 to {inputs - 1} neighbours of {inputs} inputs, got {k}")
    # The mean taken away, |x|^2 + |y|^2 - 2xy keeps its digits.
    centred = [each.double() - each.double().mean(0) for each in seeds]
    scaled = [x / x.abs().max().clamp(min=torch.finfo(x.dtype).tiny) for x in centred]
    chunk = max(CHUNK_ELEMENTS // (len(seeds) * inputs), 1)
    total = torch.zeros(len(seeds), len(seeds), dtype=torch.float64)
    for start in range(0, inputs, chunk):
        rows = range(start, min(start + chunk, inputs))
        near = torch.stack([_adjacency(x, rows, k) for x in scaled]).flatten(1)
        total += (near @ near.T).cpu()
    shared = (total / inputs).clamp(0.0, 1.0).fill_diagonal_(1.0)
    constant = torch.tensor([is_constant(each) for each in seeds])
    return shared.masked_fill(constant[:, None] | constant[None, :], torch.nan)


def chance_of_neighbours(inputs: int, k: int) -> float:
    """k/(n-1): the share that two unrelated neighbourhoods have in common, in expectation.

    Exact where no distances tie. Where they do, chance is higher, and k for either side becomes
    what its shares amount to, k^2 / sum of their squares: the row permutation says how much (about
    1/c for independent codes of c equally frequent values).
    """
    if not 1 <= k < inputs:
        raise ValueError(f"k: wanted 1 to {inputs - 1} neighbours of {inputs} inputs, got {k}")
    return k / (inputs - 1)


def _adjacency(
    x: Float[Tensor, "input feature"], rows: range, k: int
) -> Float[Tensor, "row input"]:
    """For each of these rows: the shares of its k nearest others, at length 1."""
    own = x[rows.start : rows.stop]
    squares = own.square().sum(1)[:, None] + x.square().sum(1) - 2 * own @ x.T
    distance = squares.clamp_(min=0.0).sqrt_()
    near = TIED * distance.amax(1, keepdim=True)
    here = torch.arange(rows.start, rows.stop, device=x.device)
    distance.scatter_(1, here[:, None], torch.inf)
    last = distance.topk(k, dim=1, largest=False).values[:, -1:]
    nearer, tied = distance < last - near, (distance - last).abs() <= near
    left = (k - nearer.sum(1, keepdim=True)) / tied.sum(1, keepdim=True)
    shares = nearer + left * tied
    return shares / shares.norm(dim=1, keepdim=True)
