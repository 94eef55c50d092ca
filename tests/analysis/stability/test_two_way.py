"""The two-way jackknife: laws, a slow reference, coverage for new seeds and new inputs."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from analysis.stability.estimates.intervals import Interval, mean_interval, pair_interval
from analysis.stability.estimates.two_way import (
    input_blocks,
    means_without,
    two_way_interval,
)


def draw(seeds: int, blocks: int, generator: torch.Generator, parts=(1.0, 1.0, 0.5)):
    """Symmetric h_ijb of mean 0: seeds' parts, the inputs' parts, and everything's own."""

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    a, block = normal(seeds), normal(blocks)
    own = torch.triu(normal(blocks, seeds, seeds), 1).permute(1, 2, 0)
    h = parts[0] * (a[:, None, None] + a[None, :, None]) + 2 * parts[1] * block
    return h + parts[2] * (own + own.transpose(0, 1))


def interval_of(values: torch.Tensor) -> Interval:
    """The interval of the mean over pairs and blocks of [seed, seed, block]."""
    kept = [torch.arange(values.shape[2]) != block for block in range(values.shape[2])]
    return two_way_interval(values.mean(2), torch.stack([values[:, :, k].mean(2) for k in kept]))


def mean_of(values: torch.Tensor, kept: torch.Tensor, blocks: torch.Tensor) -> float:
    rows, columns = torch.triu_indices(len(kept), len(kept), 1)
    return float(values[kept][:, kept][:, :, blocks][rows, columns].mean())


def test_it_is_the_sum_of_the_variances_less_the_one_in_both(generator: torch.Generator) -> None:
    values = draw(6, 5, generator)
    seeds, blocks = torch.arange(6), torch.arange(5)
    by_seed = [mean_of(values, seeds[seeds != i], blocks) for i in seeds]
    by_block = [mean_of(values, seeds, blocks[blocks != b]) for b in blocks]
    both = [
        [mean_of(values, seeds[seeds != i], blocks[blocks != b]) for b in blocks] for i in seeds
    ]
    each = np.array(both)
    apart = each - each.mean(0) - each.mean(1, keepdims=True) + each.mean()
    parts = 5 / 6 * 6 * np.var(by_seed), 4 / 5 * 5 * np.var(by_block)
    variance = max(sum(parts) - 20 / 30 * (apart**2).sum(), *parts)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 5 + parts[1] ** 2 / 4)
    reach = scipy.stats.t.ppf(0.975, freedom) * math.sqrt(variance)
    found = interval_of(values)
    middle = mean_of(values, seeds, blocks)
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (middle, middle - reach, middle + reach)
    )


def test_one_factor_alone_gives_its_own_interval(generator: torch.Generator) -> None:
    seeds_only = draw(8, 5, generator, (1.0, 0.0, 0.0))
    found, one = interval_of(seeds_only), pair_interval(seeds_only[:, :, 0])
    assert (found.low, found.high) == pytest.approx((one.low, one.high))
    inputs_only = draw(8, 5, generator, (0.0, 1.0, 0.0))
    found, one = interval_of(inputs_only), mean_interval(inputs_only[0, 1])
    assert (found.low, found.high) == pytest.approx((one.low, one.high))


@pytest.mark.parametrize(("seeds", "blocks"), [(5, 20), (10, 20), (20, 10)])
def test_coverage_for_new_seeds_and_new_inputs(
    seeds: int, blocks: int, generator: torch.Generator
) -> None:
    hits = seeds_alone = 0
    for _ in range(400):
        values = draw(seeds, blocks, generator)
        found, one = interval_of(values), pair_interval(values.mean(2))
        hits += found.low <= 0 <= found.high
        seeds_alone += one.low <= 0 <= one.high
    assert 0.92 <= hits / 400 <= 0.99
    assert seeds_alone < hits


def test_it_is_never_narrower_than_for_new_seeds_alone(generator: torch.Generator) -> None:
    for _ in range(100):
        values = draw(4, 20, generator, (1.0, 0.3, 0.1))
        found, one = interval_of(values), pair_interval(values.mean(2))
        assert found.low <= one.low
        assert found.high >= one.high


def test_inputs_in_blocks() -> None:
    blocks = input_blocks(23, 5)
    assert [len(b) for b in blocks] == [5, 5, 5, 4, 4]
    assert torch.cat(blocks).tolist() == list(range(23))
    assert len(input_blocks(4, 5)) == 4
    with pytest.raises(ValueError, match="inputs, blocks: wanted at least 2 of each, got 1"):
        input_blocks(1)


def test_means_without_a_block_are_those_of_the_inputs_left(generator: torch.Generator) -> None:
    values, blocks = torch.randn(23, 2, generator=generator).double(), input_blocks(23, 5)
    found = means_without(torch.stack([values[b].mean(0) for b in blocks]), blocks)
    for block, without in zip(blocks, found, strict=True):
        left = torch.ones(23, dtype=torch.bool)
        left[block] = False
        torch.testing.assert_close(without, values[left].mean(0))


def test_few_are_said_to_be_few(generator: torch.Generator) -> None:
    assert not interval_of(draw(2, 5, generator)).defined
    assert not two_way_interval(draw(5, 1, generator)[:, :, 0], torch.ones(1, 5, 5)).defined
    assert interval_of(torch.ones(4, 4, 3)).degenerate
    with pytest.raises(ValueError, match="without: wanted block x seed x seed of 3 seeds"):
        two_way_interval(torch.zeros(3, 3), torch.zeros(2, 4, 4))
    missing = two_way_interval(torch.ones(3, 3), torch.full((3, 3, 3), math.nan))
    assert "one block of inputs left out" in missing.method
    with pytest.raises(ValueError, match="finite"):
        two_way_interval(torch.full((3, 3), math.nan), torch.ones(3, 3, 3))
