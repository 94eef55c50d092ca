"""The two-way jackknife: laws, a slow reference, coverage for new seeds and new inputs."""

import math

import pytest
import torch

from analysis.stability.estimates.intervals import mean_interval, pair_interval
from analysis.stability.estimates.two_way import (
    input_blocks,
    two_way_interval,
    two_way_jackknife,
)


def draw(seeds: int, blocks: int, generator: torch.Generator, parts=(1.0, 1.0, 0.5)):
    """Symmetric h_ijb of mean 0: seeds' parts, the inputs' parts, and everything's own."""

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    a, block = normal(seeds), normal(blocks)
    own = torch.triu(normal(blocks, seeds, seeds), 1).permute(1, 2, 0)
    h = parts[0] * (a[:, None, None] + a[None, :, None]) + 2 * parts[1] * block
    return h + parts[2] * (own + own.transpose(0, 1))


def mean_of(values: torch.Tensor, kept: torch.Tensor, blocks: torch.Tensor) -> float:
    rows, columns = torch.triu_indices(len(kept), len(kept), 1)
    return float(values[kept][:, kept][:, :, blocks][rows, columns].mean())


def test_closed_form_is_the_slow_one(generator: torch.Generator) -> None:
    values = draw(6, 5, generator)
    fast = two_way_interval(values)
    slow = two_way_jackknife(lambda kept, blocks: mean_of(values, kept, blocks), 6, 5)
    assert (fast.estimate, fast.low, fast.high) == pytest.approx(
        (slow.estimate, slow.low, slow.high)
    )


def test_one_factor_alone_gives_its_own_interval(generator: torch.Generator) -> None:
    seeds_only = draw(8, 5, generator, (1.0, 0.0, 0.0))
    found, one = two_way_interval(seeds_only), pair_interval(seeds_only[:, :, 0])
    assert (found.low, found.high) == pytest.approx((one.low, one.high))
    inputs_only = draw(8, 5, generator, (0.0, 1.0, 0.0))
    found, one = two_way_interval(inputs_only), mean_interval(inputs_only[0, 1])
    assert (found.low, found.high) == pytest.approx((one.low, one.high))


@pytest.mark.parametrize(("seeds", "blocks"), [(5, 20), (10, 20), (20, 10)])
def test_coverage_for_new_seeds_and_new_inputs(
    seeds: int, blocks: int, generator: torch.Generator
) -> None:
    hits = seeds_alone = 0
    for _ in range(400):
        values = draw(seeds, blocks, generator)
        found, one = two_way_interval(values), pair_interval(values.mean(2))
        hits += found.low <= 0 <= found.high
        seeds_alone += one.low <= 0 <= one.high
    assert 0.92 <= hits / 400 <= 0.99
    assert seeds_alone < hits


def test_inputs_in_blocks() -> None:
    blocks = input_blocks(23, 5)
    assert [len(b) for b in blocks] == [4] * 5
    assert torch.cat(blocks).tolist() == list(range(20))
    with pytest.raises(ValueError, match="blocks: wanted 2 to 4"):
        input_blocks(4, 5)


def test_few_are_said_to_be_few(generator: torch.Generator) -> None:
    assert not two_way_interval(draw(2, 5, generator)).defined
    assert not two_way_interval(draw(5, 1, generator)).defined
    assert two_way_interval(torch.ones(4, 4, 3)).degenerate
    with pytest.raises(ValueError, match="values: wanted seed x seed x block"):
        two_way_interval(torch.zeros(3, 3, 0))
    with pytest.raises(ValueError, match="finite"):
        two_way_interval(torch.full((3, 3, 3), math.nan))
