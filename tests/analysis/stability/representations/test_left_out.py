"""CKA with blocks of inputs left out, against CKA of the inputs that are left."""

import pytest
import torch

from analysis.stability.estimates.intervals import pair_interval
from analysis.stability.estimates.two_way import input_blocks, two_way_interval
from analysis.stability.representations.cka import cka
from analysis.stability.representations.left_out import cka_left_out


@pytest.mark.parametrize(("inputs", "blocks"), [(8, 20), (203, 5), (203, 2), (203, 20)])
def test_it_is_the_cka_of_the_inputs_that_are_left(
    inputs: int, blocks: int, generator: torch.Generator
) -> None:
    common = torch.randn(inputs, 5, generator=generator).double()
    seeds = [
        torch.cat([common, torch.randn(inputs, more, generator=generator).double()], 1) + 3
        for more in (1, 4, 9)
    ]
    found = cka_left_out(seeds, blocks=blocks)
    for block, without in zip(input_blocks(inputs, blocks), found, strict=True):
        left = torch.ones(inputs, dtype=torch.bool)
        left[block] = False
        expected = cka([x[left] for x in seeds], batch=max(inputs, 8))
        torch.testing.assert_close(without, expected, atol=1e-12, rtol=0)


def test_a_seed_that_varies_in_one_block_alone_is_nothing_without_it(
    generator: torch.Generator,
) -> None:
    seeds = torch.randn(3, 40, 4, generator=generator)
    seeds[1, 10:] = 1.0
    found = cka_left_out(seeds, blocks=4)
    assert found[0, 1].isnan().all()
    assert found[1:].isfinite().all()


def test_coverage_for_new_inputs(generator: torch.Generator) -> None:
    """Seeds at one distance from each other, so that inputs are all that is random."""
    hits = alone = 0
    draws, truth = 200, 1 / (1 + 0.5**2)  # CKA of x + .5 noise over many inputs, white x
    for _ in range(draws):
        x = torch.randn(1, 100, 2, generator=generator)
        seeds = x + 0.5 * torch.randn(5, 100, 2, generator=generator)
        whole = cka(seeds)
        found = two_way_interval(whole, cka_left_out(seeds))
        one = pair_interval(whole)
        hits += found.low <= truth**2 <= found.high
        alone += one.low <= truth**2 <= one.high
    assert hits / draws >= 0.9
    assert alone < hits


def test_too_few_inputs() -> None:
    with pytest.raises(ValueError, match="wanted at least 8 inputs, got 7"):
        cka_left_out(torch.randn(3, 7, 2))
