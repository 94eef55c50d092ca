"""Which inputs differ: of those that every seed represents alike, one alone is told from the rest.

Where few inputs are repeated (a small vocabulary, an algorithmic task), a random half holds the
same rows as the other, so what was fitted to the noise of one half would be scored on that noise
again. Split halves are therefore made of distinct inputs; how often each came up is lost.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability.representations.given import PIECE

ALIKE = 1e-5  # of a feature's largest value: batches of other sizes round otherwise


def distinct_inputs(seeds: Sequence[Float[Tensor, "_ _"]]) -> Int[Tensor, "distinct"]:
    """The first of each group of inputs that are alike, to rounding, in EVERY seed; ascending.

    All inputs where none repeats. Groups are found in the order of one random projection, so two
    inputs that differ may, once in a while, keep two alike apart; none are merged that differ.
    Looked at in pieces, so that mapped files need not fit in memory. Cost: n p a seed and a sort.
    Raises ValueError for no seeds and other numbers of inputs.
    """
    counts = sorted({len(each) for each in seeds})
    if len(counts) != 1:
        raise ValueError(f"seeds: wanted the same inputs of every seed, got {counts}")
    device = seeds[0].device
    draws = torch.Generator().manual_seed(0)
    place = torch.zeros(counts[0], dtype=torch.float64, device=device)
    sizes = [_sizes(each) for each in seeds]
    for each, size in zip(seeds, sizes, strict=True):
        across = torch.randn(each.shape[1], generator=draws, dtype=torch.float64).to(device)
        place += torch.cat([piece.double() @ (across / size) for piece in each.split(PIECE)])
    order = place.argsort(stable=True)
    same = torch.ones(max(counts[0] - 1, 0), dtype=torch.bool, device=device)
    for each, size in zip(seeds, sizes, strict=True):
        for start in range(0, len(same), PIECE):
            rows = each[order[start : start + PIECE + 1]].double()
            alike = ((rows[1:] - rows[:-1]).abs() <= ALIKE * size).all(1)
            same[start : start + PIECE] &= alike
    group = torch.cat([same.new_zeros(min(counts[0], 1)), ~same]).long().cumsum(0)
    first = torch.full((int(group.max()) + 1,), counts[0], device=device)
    return first.scatter_reduce(0, group, order, "amin").sort().values


def _sizes(values: Float[Tensor, "input feature"]) -> Float[Tensor, "feature"]:
    largest = torch.stack([piece.abs().amax(0) for piece in values.split(PIECE)]).amax(0).double()
    return torch.where(largest > 0, largest, 1.0)
