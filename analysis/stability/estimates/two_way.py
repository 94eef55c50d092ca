"""Intervals that hold for new seeds and new inputs: a two-way jackknife.

`intervals` speaks of new seeds on the same inputs. Inputs are a second factor: with K seeds and B
blocks of inputs, v the jackknife variance from leaving out one level at a time,

    v_seeds   one seed with all its pairs      v_inputs   one block      v_both   one of each
    SE^2 = max(v_seeds + v_inputs - v_both, v_seeds, v_inputs)

The subtraction removes the interaction, which is in both (Cameron, Gelbach, Miller 2011; for
crossed samples Owen 2007, 10.1214/07-AOAS122). With D_ib the statistic without seed i and block b,
less its row and column means, v_both = (K-1)(B-1)/(KB) sum D_ib^2. Student's t has Satterthwaite's
degrees of freedom between the two factors. Inputs that depend on each other (tokens of one text)
belong in one block.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from scipy.special import stdtrit
from torch import Tensor

from analysis.stability.estimates.intervals import Interval, pair_means_left_out, undefined

Statistic = Callable[[Int[Tensor, "kept"], Int[Tensor, "kept_block"]], float]
METHOD = "two-way jackknife-t over seeds and inputs"


def two_way_interval(values: Float[Tensor, "seed seed block"], *, level: float = 0.95) -> Interval:
    """Mean over pairs of seeds and blocks of inputs, each entry a pair's mean over one block.

    Blocks count alike, so they should be of one size. Undefined below three seeds or two blocks.
    Raises ValueError unless values are symmetric in seeds and finite. Cost seed^2 * block.
    """
    if values.ndim != 3 or values.shape[0] != values.shape[1] or 0 in values.shape:
        raise ValueError(f"values: wanted seed x seed x block, got shape {tuple(values.shape)}")
    seeds, blocks = values.shape[1:]
    v = values.detach().double().cpu()
    each = [v[:, :, block] for block in range(blocks)]
    # Every statistic here is a mean of these: all pairs, and pairs without a seed, a block each.
    without = torch.stack([pair_means_left_out(one) for one in each], 1)
    upper = torch.triu_indices(seeds, seeds, 1)
    whole = v[upper[0], upper[1]].mean(0)
    return _combined(
        float(whole.mean()),
        without.mean(1),
        (whole.sum() - whole) / max(blocks - 1, 1),
        (without.sum(1, keepdim=True) - without) / max(blocks - 1, 1),
        level,
    )


def two_way_jackknife(
    statistic: Statistic, seeds: int, blocks: int, *, level: float = 0.95
) -> Interval:
    """The same for any function of the seeds and the blocks kept, called (seeds+1)(blocks+1) times.

    The estimate is the plain statistic of all. Raises ValueError for no seeds or no blocks.
    """
    if seeds < 1 or blocks < 1:
        raise ValueError(f"seeds, blocks: wanted at least 1 of each, got {seeds}, {blocks}")
    all_seeds, all_blocks = torch.arange(seeds), torch.arange(blocks)
    estimate = float(statistic(all_seeds, all_blocks))
    if seeds < 2 or blocks < 2:
        return undefined(estimate, "fewer than two seeds or blocks of inputs", level)
    kept_seeds = [all_seeds[all_seeds != i] for i in range(seeds)]
    kept_blocks = [all_blocks[all_blocks != b] for b in range(blocks)]

    def numbers(found: list[float]) -> Float[Tensor, "value"]:
        return torch.tensor(found, dtype=torch.float64)

    both = numbers([statistic(s, b) for s in kept_seeds for b in kept_blocks])
    return _combined(
        estimate,
        numbers([statistic(s, all_blocks) for s in kept_seeds]),
        numbers([statistic(all_seeds, b) for b in kept_blocks]),
        both.reshape(seeds, blocks),
        level,
    )


def input_blocks(inputs: int, blocks: int = 20) -> tuple[Int[Tensor, "block_input"], ...]:
    """Input numbers in consecutive blocks of one size, what is left over in none of them.

    Raises ValueError for fewer inputs than blocks.
    """
    if not 2 <= blocks <= inputs:
        raise ValueError(f"blocks: wanted 2 to {inputs}, the inputs there are, got {blocks}")
    size = inputs // blocks
    return tuple(torch.arange(inputs)[: size * blocks].split(size))


def _combined(
    estimate: float,
    without_seed: Float[Tensor, "seed"],
    without_block: Float[Tensor, "block"],
    without_both: Float[Tensor, "seed block"],
    level: float,
) -> Interval:
    seeds, blocks = without_both.shape
    if blocks < 2 or not bool(torch.isfinite(without_both).all()):
        return undefined(estimate, "fewer than three seeds or two blocks of inputs", level)
    by_seed = (seeds - 1) / seeds * float((without_seed - without_seed.mean()).square().sum())
    by_block = (blocks - 1) / blocks * float((without_block - without_block.mean()).square().sum())
    double = without_both - without_both.mean(0) - without_both.mean(1, keepdim=True)
    double = double + without_both.mean()
    by_both = (seeds - 1) * (blocks - 1) / (seeds * blocks) * float(double.square().sum())
    variance = max(by_seed + by_block - by_both, by_seed, by_block)
    if variance == 0:
        return Interval(estimate, estimate, estimate, level, METHOD)
    freedom = (by_seed + by_block) ** 2 / (by_seed**2 / (seeds - 1) + by_block**2 / (blocks - 1))
    reach = float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance)
    return Interval(estimate, estimate - reach, estimate + reach, level, METHOD)
