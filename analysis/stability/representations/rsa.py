"""Representational similarity analysis: do two models find the same pairs of inputs alike?

Each representation becomes the dissimilarities of all n(n-1)/2 pairs of its inputs; two models are
compared by the correlation of those vectors (Kriegeskorte, Mur, Bandettini 2008).

euclidean     |x_i - x_j|: not changed by rotations and shifts of the features, hence the default
correlation   1 - r(x_i, x_j) over features: the neuroscientists' choice; changes with the basis,
              and wants three features at least

spearman      correlation of ranks, which no monotone change of a dissimilarity alters: the default;
            dissimilarities within 1e-6 of the largest tie, or rounding would rank them
pearson       correlation;  cosine: without taking the mean away

Every comparison is the cosine of prepared vectors, so all pairs of seeds are ONE matrix product.
Dissimilarities share inputs: even independent ones correlate by chance more than their number
suggests, so the row-permutation null belongs beside it.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.representations.given import Representations, checked, is_constant

LEAST_INPUTS = 3  # two inputs are one pair, which correlates with nothing
TINY = torch.finfo(torch.float32).tiny
TIED = 1e-6  # of the largest dissimilarity: what float32 inputs, turned, are known to

Dissimilarity = Callable[[Float[Tensor, "input feature"]], Float[Tensor, " pair"]]
Comparison = Callable[[Float[Tensor, " pair"]], Float[Tensor, " pair"]]


def euclidean(x: Float[Tensor, "input feature"]) -> Float[Tensor, " pair"]:
    """|x_i - x_j| of all pairs i < j of inputs, row by row."""
    return torch.nn.functional.pdist(x)


def correlation(x: Float[Tensor, "input feature"]) -> Float[Tensor, " pair"]:
    """1 - r(x_i, x_j) over features of all pairs i < j, in [0, 2]; 1 with an input of equal ones.

    Raises ValueError below three features, where r is -1 or 1.
    """
    if x.shape[1] < 3:
        raise ValueError(f"x: wanted three features or more to correlate, got {x.shape[1]}")
    rows = x - x.mean(1, keepdim=True)
    rows = rows / rows.norm(dim=1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
    i, j = torch.triu_indices(len(x), len(x), 1, device=x.device).unbind()
    return 1 - (rows @ rows.T)[i, j]


def spearman(pairs: Float[Tensor, " pair"]) -> Float[Tensor, " pair"]:
    """Ranks less their mean; each has the mean rank of what lies within `TIED` of it."""
    pairs = pairs.contiguous()
    ordered, near = pairs.sort().values, TIED * pairs.abs().max()
    # Windows about each, not steps: no group of ties lies across an edge, and none chain.
    below = torch.searchsorted(ordered, pairs - near)
    up_to = torch.searchsorted(ordered, pairs + near, right=True)
    return (below + up_to + 1).to(pairs.dtype) / 2 - (len(pairs) + 1) / 2


def pearson(pairs: Float[Tensor, " pair"]) -> Float[Tensor, " pair"]:
    """The dissimilarities less their mean; zeros where all are within `TIED` of each other."""
    alike = pairs.max() - pairs.min() <= TIED * pairs.abs().max()
    return torch.zeros_like(pairs) if alike else pairs - pairs.mean()


def cosine(pairs: Float[Tensor, " pair"]) -> Float[Tensor, " pair"]:
    """The dissimilarities as they are."""
    return pairs


def rsa(
    representations: Representations,
    *,
    dissimilarity: Dissimilarity = euclidean,
    comparison: Comparison = spearman,
) -> Float[Tensor, "seed seed"]:
    """Correlation in [-1, 1] of all pairs of seeds' dissimilarities, in float64.

    NaN for a seed that is constant and, but for `cosine`, where all dissimilarities are equal.
    Cost: K n^2 p/2, a sort of n^2/2 numbers a seed for spearman, K^2 n^2/2; K n^2/2 numbers of
    memory (n = 1,000: 4 MB a seed). Raises ValueError on fewer than three inputs and what
    `given.checked` refuses.
    """
    seeds = checked(representations, least=LEAST_INPUTS)
    vectors = []
    for each in seeds:
        # One scale changes nothing; squares of very large or small numbers leave float64.
        vector = comparison(dissimilarity(each.double() / each.abs().max().clamp(min=TINY)))
        vectors.append(vector / (torch.nan if is_constant(each) else vector.norm()))
    stacked = torch.stack(vectors)
    return (stacked @ stacked.T).cpu().clamp(-1.0, 1.0)
