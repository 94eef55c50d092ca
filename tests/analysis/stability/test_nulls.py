"""The untrained null: where a score lies between untrained models and perfect agreement."""

import math

import pytest
import torch

from analysis.stability.estimates.intervals import jackknife, pair_interval
from analysis.stability.nulls import above_null, pair_measure


def level(value: float, seeds: int = 4) -> torch.Tensor:
    return torch.full((seeds, seeds), value, dtype=torch.float64)


def noisy(value: float, seeds: int, generator: torch.Generator) -> torch.Tensor:
    shift = 0.02 * torch.randn(seeds, generator=generator, dtype=torch.float64)
    return level(value, seeds) + shift[:, None] + shift[None, :]


@pytest.mark.parametrize(
    ("raw", "null", "expected"), [(0.9, 0.5, 0.8), (0.5, 0.5, 0.0), (1.0, 0.5, 1.0)]
)
def test_by_hand(raw: float, null: float, expected: float) -> None:
    assert above_null(level(raw), level(null)).estimate == pytest.approx(expected)


def test_a_seed_is_left_out_of_both_at_once(generator: torch.Generator) -> None:
    raw, null = noisy(0.8, 7, generator), noisy(0.4, 7, generator)

    def ratio(kept: torch.Tensor) -> float:
        rows, columns = torch.triu_indices(len(kept), len(kept), 1)
        a, b = (float(each[kept][:, kept][rows, columns].mean()) for each in (raw, null))
        return (a - b) / (1 - b)

    slow, fast = jackknife(ratio, 7), above_null(raw, null)
    assert (fast.estimate, fast.low, fast.high) == pytest.approx(
        (slow.estimate, slow.low, slow.high)
    )


def test_worse_than_untrained_is_negative() -> None:
    assert above_null(level(0.2), level(0.5)).estimate == pytest.approx(-0.6)


def test_untrained_models_that_agree_leave_no_room() -> None:
    found = above_null(level(1.0), level(1.0))
    assert math.isnan(found.estimate)
    assert "seeds of the null agree already" in found.method


def test_a_measure_without_a_null_says_so(generator: torch.Generator) -> None:
    found = pair_measure(
        "similarity", "share", best=1.0, seeds=(0, 2, 5), matrix=noisy(0.99, 3, generator)
    )
    assert found.rungs == ()
    assert found.rung("untrained") is None
    assert len(found.matrix) == 3


def test_a_distance_stands_beside_its_null_alone() -> None:
    """Untrained models a hair apart would make any ratio of distances huge."""
    found = pair_measure(
        "distance",
        "1",
        best=0.0,
        seeds=(0, 1, 2),
        matrix=level(0.5, 3),
        nulls={"untrained": level(0.001, 3)},
    )
    (rung,) = found.rungs
    assert rung.above is None
    assert (found.raw.estimate, rung.null.estimate) == pytest.approx((0.5, 0.001))


def test_a_null_of_other_seeds_adds_its_own_spread(generator: torch.Generator) -> None:
    raw, null = noisy(0.8, 9, generator), noisy(0.4, 4, generator)
    found = above_null(raw, null)
    assert found.estimate == pytest.approx(
        (pair_interval(raw).estimate - pair_interval(null).estimate)
        / (1 - pair_interval(null).estimate)
    )
    alone = above_null(raw, level(pair_interval(null).estimate, 9), paired=False)
    assert found.high - found.low > alone.high - alone.low


def test_two_seeds_of_a_null_give_no_interval(generator: torch.Generator) -> None:
    found = above_null(noisy(0.8, 9, generator), noisy(0.4, 2, generator))
    assert not found.defined
    assert "fewer than three" in found.method


def test_two_seeds_are_said_to_be_one_pair(generator: torch.Generator) -> None:
    found = above_null(noisy(0.8, 2, generator), noisy(0.4, 2, generator))
    assert found.method == "undefined: two seeds are one pair"


def test_a_best_that_is_no_measures_is_refused() -> None:
    with pytest.raises(ValueError, match="best: wanted 1"):
        pair_measure("similarity", "1", best=0.5, seeds=(0, 1, 2, 3), matrix=level(0.5))
