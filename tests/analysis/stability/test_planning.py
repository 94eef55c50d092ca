"""Plans: expected widths against simulated ones, seeds for a width."""

import math

import pytest
import torch

from analysis.stability.estimates.intervals import mean_interval, pair_interval
from analysis.stability.estimates.planning import MOST_SEEDS, plan_mean, plan_pairs


def draw(seeds: int, generator: torch.Generator, pair: float = 0.5) -> torch.Tensor:
    a = torch.randn(seeds, generator=generator, dtype=torch.float64)
    e = torch.randn(seeds, seeds, generator=generator, dtype=torch.float64).triu(1)
    return a[:, None] + a[None, :] + pair * (e + e.T)


def test_at_the_same_number_of_seeds_it_is_the_interval(generator: torch.Generator) -> None:
    matrix = draw(9, generator)
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
    assert planned == pytest.approx(sum(squares) / 600, rel=0.06)


def test_the_interval_of_the_width_covers(generator: torch.Generator) -> None:
    """The expected width at twice the seeds, of a population that the plan has not seen."""
    wide = [pair_interval(draw(20, generator)) for _ in range(300)]
    truth = sum(i.high - i.low for i in wide) / 300
    found = [plan_pairs(draw(10, generator)).width(20) for _ in range(300)]
    assert sum(w.low <= truth <= w.high for w in found) / 300 == pytest.approx(0.95, abs=0.035)


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
    assert plan.width(4).estimate == pytest.approx(2 * 3.182446 * 0.5, rel=1e-6)


def test_no_spread_is_no_plan() -> None:
    plan = plan_pairs(torch.ones(5, 5))
    assert not plan.width(10).defined
    assert plan.seeds_for(0.1) is None
    assert "too little to plan with" in plan.statement("disagreement")


def test_mistakes_are_named(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="at least four seeds"):
        plan_pairs(torch.ones(3, 3))
    with pytest.raises(ValueError, match="values: wanted two finite"):
        plan_mean(torch.tensor([1.0, math.nan]))
    with pytest.raises(ValueError, match="width: wanted a number above 0"):
        plan_pairs(draw(5, generator)).seeds_for(0.0)
