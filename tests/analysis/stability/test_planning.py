"""Plans: expected widths against simulated ones, seeds for a width."""

import math
from itertools import pairwise

import pytest
import torch
from scipy import stats

from analysis.stability.estimates.intervals import mean_interval, pair_interval
from analysis.stability.estimates.planning import MOST_SEEDS, plan_mean, plan_pairs


def draw(seeds: int, generator: torch.Generator, pair: float = 0.5) -> torch.Tensor:
    a = torch.randn(seeds, generator=generator, dtype=torch.float64)
    e = torch.randn(seeds, seeds, generator=generator, dtype=torch.float64).triu(1)
    return a[:, None] + a[None, :] + pair * (e + e.T)


def test_at_the_same_number_of_seeds_it_is_the_interval(generator: torch.Generator) -> None:
    matrix = draw(9, generator)
    assert plan_pairs(matrix).per_seed > 0
    now = pair_interval(matrix)
    assert plan_pairs(matrix).width(9).estimate == pytest.approx(now.high - now.low)
    values = matrix[0, 1:]
    now = mean_interval(values)
    assert plan_mean(values).width(8).estimate == pytest.approx(now.high - now.low)


@pytest.mark.parametrize("pair", [0.5, 2.0])
def test_parts_are_unbiased_and_widths_come_true(pair: float, generator: torch.Generator) -> None:
    plans = [plan_pairs(draw(8, generator, pair)) for _ in range(600)]
    assert sum(p.per_seed for p in plans) / 600 == pytest.approx(1.0, abs=0.12)
    assert sum(p.per_pair for p in plans) / 600 == pytest.approx(pair**2, rel=0.05)
    squares = [
        (i.high - i.low) ** 2 for i in (pair_interval(draw(16, generator, pair)) for _ in plans)
    ]
    planned = sum(p.width(16).estimate ** 2 for p in plans) / 600
    # A plan's part of the seeds is never below 0, which errs upwards where it is small.
    assert 0.94 <= planned / (sum(squares) / 600) <= 1.12


@pytest.mark.parametrize("pair", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("seeds", [5, 10])
def test_a_new_study_finds_a_width_in_the_interval(
    seeds: int, pair: float, generator: torch.Generator
) -> None:
    """With the chi-square of the seeds at hand alone it would be 65 to 88%."""
    hits = 0
    for _ in range(400):
        planned = plan_pairs(draw(seeds, generator, pair)).width(2 * seeds)
        new = pair_interval(draw(2 * seeds, generator, pair))
        hits += planned.low <= new.high - new.low <= planned.high
    assert 0.89 <= hits / 400 <= 0.99


def test_a_new_study_of_a_mean_finds_a_width_in_the_interval(generator: torch.Generator) -> None:
    hits = 0
    for _ in range(1500):
        values = torch.randn(24, generator=generator, dtype=torch.float64)
        planned, new = plan_mean(values[:8]).width(16), mean_interval(values[8:])
        hits += planned.low <= new.high - new.low <= planned.high
    assert hits / 1500 == pytest.approx(0.95, abs=0.015)


def test_a_part_that_is_not_told_apart_is_planned_as_nothing() -> None:
    """Each seed far from one other alone: seeds' means are equal, their unbiased part negative."""
    far = torch.block_diag(*[torch.ones(2, 2, dtype=torch.float64)] * 3)
    plan = plan_pairs(far)
    assert plan.per_seed < 0 < plan.per_pair
    assert plan.variance(12) == pytest.approx(4 / 12 * plan.per_pair / 10)
    widths = [plan.width(seeds).estimate for seeds in range(3, 200)]
    assert all(b < a for a, b in pairwise(widths))
    assert min(widths) > 0
    said = plan.statement("distance")
    assert "can't be told from the pairs' part at 6 seeds and is planned with as 0" in said
    assert "differ too little" not in said


def test_seeds_for_a_width(generator: torch.Generator) -> None:
    plan = plan_pairs(draw(10, generator))
    wanted = plan.width(10).estimate / 2
    seeds = plan.seeds_for(wanted)
    assert seeds is not None
    assert plan.width(seeds).estimate <= wanted < plan.width(seeds - 1).estimate
    assert 25 < seeds < 50  # about four times as many, a little less for t
    assert plan.seeds_for(plan.width(MOST_SEEDS).estimate / 2) is None
    assert f"half as wide: {seeds} seeds" in plan.statement("loss")


def test_by_hand() -> None:
    plan = plan_mean(torch.tensor([1.0, 2.0, 3.0]))
    assert plan.variance(4) == pytest.approx(0.25)
    found = plan.width(4)
    assert found.estimate == pytest.approx(2 * 3.182446 * 0.5, rel=1e-6)
    # A new study's variance has 3 degrees of freedom, that of the three seeds at hand 2.
    ends = [found.estimate * stats.f.ppf(p, 3, 2) ** 0.5 for p in (0.025, 0.975)]
    assert [found.low, found.high] == pytest.approx(ends)


def test_no_spread_is_no_plan() -> None:
    for level in (1.0, 0.7):
        plan = plan_pairs(torch.full((7, 7), level, dtype=torch.float64))
        assert not plan.width(10).defined
        assert plan.seeds_for(0.1) is None
        assert "no spread over the seeds at hand" in plan.statement("disagreement")


def test_mistakes_are_named(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="at least four seeds"):
        plan_pairs(torch.ones(3, 3))
    with pytest.raises(ValueError, match="values: wanted two finite"):
        plan_mean(torch.tensor([1.0, math.nan]))
    with pytest.raises(ValueError, match="width: wanted a number above 0"):
        plan_pairs(draw(5, generator)).seeds_for(0.0)
