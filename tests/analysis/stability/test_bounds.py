"""Exact bounds of diversity: hand-computed values, and no distribution that breaks them."""

import math

import pytest
import torch

from analysis.stability.entropies.bounds import (
    collision_if_alike,
    entropy_at_least,
    entropy_at_most,
    modal_share_if_alike,
    most_collision,
)


def distributions(generator: torch.Generator) -> list[torch.Tensor]:
    """Many shapes: one class beside rare ones, equal classes, everything between."""
    found = []
    for _ in range(200):
        size = int(torch.randint(1, 60, (), generator=generator))
        sharpness = 4 * torch.rand((), generator=generator)
        found.append((sharpness * torch.randn(size, generator=generator).double()).softmax(0))
    for share in torch.linspace(0.02, 0.98, 49).tolist():
        rare = torch.full((600,), (1 - share) / 600, dtype=torch.float64)
        found.append(torch.cat([torch.tensor([share], dtype=torch.float64), rare]))
    return found


def no_repeat(p: torch.Tensor, seeds: int) -> float:
    """K! times the elementary symmetric polynomial of degree K."""
    e = torch.zeros(seeds + 1, dtype=torch.float64)
    e[0] = 1.0
    for share in p:
        e[1:] = e[1:] + share * e[:-1].clone()
    return float(e[seeds]) * math.factorial(seeds)


@pytest.mark.parametrize("seeds", [2, 3, 4, 10])
def test_without_repeats_no_likely_distribution_collides_more(
    seeds: int, generator: torch.Generator
) -> None:
    bound = most_collision(1, seeds)
    likely = [p for p in distributions(generator) if no_repeat(p, seeds) >= 0.05]
    assert likely
    assert max(float(p.square().sum()) for p in likely) <= bound
    assert max(float(p.square().sum()) for p in likely) >= 0.8 * bound  # and it is nearly attained


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
def test_with_all_alike_no_likely_distribution_is_flatter(
    seeds: int, generator: torch.Generator
) -> None:
    likely = [p for p in distributions(generator) if float(p.pow(seeds).sum()) >= 0.05]
    assert min(float(p.max()) for p in likely) >= modal_share_if_alike(seeds) - 1e-9
    assert min(float(p.square().sum()) for p in likely) >= collision_if_alike(seeds) - 1e-9


def test_many_seeds_give_clopper_and_pearsons_bound() -> None:
    assert modal_share_if_alike(20) == pytest.approx(0.05 ** (1 / 20), abs=1e-9)
    assert modal_share_if_alike(50) == pytest.approx(0.94, abs=0.005)
    assert collision_if_alike(20) == pytest.approx(modal_share_if_alike(20) ** 2)


def test_two_seeds_alike_exclude_next_to_nothing() -> None:
    # sum p^2 = .05 already with twenty equal classes; .22 would count the class as chosen before.
    assert modal_share_if_alike(2) == pytest.approx(0.05, abs=1e-6)
    assert most_collision(1, 2) == pytest.approx(0.95)
    assert (modal_share_if_alike(1), collision_if_alike(1), most_collision(1, 1)) == (0.0, 0.0, 1.0)


def test_zero_entropy_at_twenty_seeds_means_below_six_tenths_of_a_bit() -> None:
    assert entropy_at_most(modal_share_if_alike(20)) == pytest.approx(0.6, abs=0.02)
    assert math.isnan(entropy_at_most(modal_share_if_alike(5)))
    assert entropy_at_most(1.0) == 0.0


def test_entropy_from_below() -> None:
    assert entropy_at_least(0.25) == 2.0
    assert entropy_at_least(1.0) == 0.0


def test_no_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="seeds"):
        modal_share_if_alike(0)
