"""Intervals that hold for new seeds and new inputs: a two-way jackknife of means over pairs.

`intervals` speaks of new seeds on the same inputs. Inputs are a second factor: with K seeds and B
blocks of inputs, v the jackknife variance from leaving out one level at a time,

    v_seeds   one seed with all its pairs      v_inputs   one block      v_both   one of each
    SE^2 = max(v_seeds + v_inputs - v_both, v_seeds, v_inputs)

The subtraction removes the interaction, which is in both (Cameron, Gelbach, Miller 2011; for
crossed samples Owen 2007, 10.1214/07-AOAS122). With D_ib the statistic without seed i and block b,
less its row and column means, v_both = (K-1)(B-1)/(KB) sum D_ib^2. Student's t has Satterthwaite's
degrees of freedom between the two factors. Inputs that depend on each other (tokens of one text)
belong in one block. A block is left out, not measured alone, so that the measure may be any
function of the inputs that are left.
"""

import math

import torch
from jaxtyping import Float, Int
from scipy.special import stdtrit
from torch import Tensor

from analysis.stability.estimates.intervals import (
    Interval,
    pair_interval,
    pair_means_left_out,
    undefined,
)

METHOD = "two-way jackknife-t over seeds and blocks of inputs"
BLOCKS = 20


def two_way_interval(
    whole: Float[Tensor, "seed seed"],
    without: Float[Tensor, "block _ _"],
    *,
    level: float = 0.95,
) -> Interval:
    """Mean over pairs of seeds, its interval for new seeds on new inputs.

    `whole` is measured on all inputs, `without` with each block of them left out in turn. Never
    narrower than the interval for new seeds alone. Undefined below three seeds or two blocks.
    Raises ValueError unless all are symmetric, of the same seeds, and `whole` is finite off the
    diagonal.
    """
    if without.ndim != 3 or without.shape[1:] != whole.shape:
        wanted = f"block x seed x seed of {len(whole)} seeds"
        raise ValueError(f"without: wanted {wanted}, got shape {tuple(without.shape)}")
    seeds, blocks = len(whole), len(without)
    alone = pair_interval(whole, level=level)
    if not alone.defined or blocks < 2:
        return undefined(alone.estimate, "fewer than three seeds or two blocks of inputs", level)
    if not bool(without.isfinite().all()):
        return undefined(alone.estimate, "no value with one block of inputs left out", level)
    without_seed = pair_means_left_out(whole)
    without_both = torch.stack([pair_means_left_out(each) for each in without], 1)
    without_block = without_both.mean(0)  # each pair is left in by as many seeds

    v_seeds = (seeds - 1) / seeds * _spread(without_seed)
    v_inputs = (blocks - 1) / blocks * _spread(without_block)
    double = without_both - without_both.mean(0) - without_both.mean(1, keepdim=True)
    v_both = (seeds - 1) * (blocks - 1) / (seeds * blocks) * _spread(double)
    variance = max(v_seeds + v_inputs - v_both, v_seeds, v_inputs)
    middle, reach = alone.estimate, 0.0
    if variance > 0:
        freedom = (v_seeds + v_inputs) ** 2 / (
            v_seeds**2 / (seeds - 1) + v_inputs**2 / (blocks - 1)
        )
        reach = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance)
    low, high = min(alone.low, middle - reach), max(alone.high, middle + reach)
    return Interval(middle, low, high, level, METHOD)


def input_blocks(inputs: int, blocks: int = BLOCKS) -> tuple[Int[Tensor, "_"], ...]:
    """Input numbers in consecutive blocks, of one size or one input more; fewer for few inputs.

    Raises ValueError for fewer than two inputs or blocks.
    """
    if min(blocks, inputs) < 2:
        raise ValueError(f"inputs, blocks: wanted at least 2 of each, got {inputs}, {blocks}")
    return torch.arange(inputs).tensor_split(min(blocks, inputs))


def means_without(
    means: Float[Tensor, "block *value"], blocks: tuple[Int[Tensor, "_"], ...]
) -> Float[Tensor, "block *value"]:
    """Means over all inputs but each block's, from the mean over each block."""
    sizes = torch.tensor([len(block) for block in blocks], dtype=means.dtype)
    sizes = sizes.reshape(-1, *(1,) * (means.ndim - 1)).to(means.device)
    sums = means * sizes
    return (sums.sum(0) - sums) / (sizes.sum() - sizes)


def _spread(values: Float[Tensor, "..."]) -> float:
    return float((values - values.mean()).square().sum())
