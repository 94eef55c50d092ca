"""Jackknife-t and Clopper-Pearson intervals: laws, hand-computed cases, coverage by simulation."""

import json
import math

import pytest
import torch
from scipy import stats

from analysis.stability.estimates.intervals import (
    Interval,
    clopper_pearson,
    from_left_out,
    jackknife,
    mean_interval,
    pair_interval,
    undefined,
)


def symmetric(seeds: int, generator: torch.Generator) -> torch.Tensor:
    matrix = torch.randn(seeds, seeds, generator=generator, dtype=torch.float64)
    return (matrix + matrix.T) / 2


def mean_of_pairs(matrix: torch.Tensor) -> float:
    rows, columns = torch.triu_indices(len(matrix), len(matrix), 1)
    return float(matrix[rows, columns].mean())


def test_interval_of_a_mean_is_students(generator: torch.Generator) -> None:
    values = torch.randn(7, generator=generator, dtype=torch.float64)
    found = mean_interval(values)
    reach = stats.t.ppf(0.975, 6) * float(values.std()) / math.sqrt(7)
    assert found.estimate == pytest.approx(float(values.mean()))
    assert (found.low, found.high) == pytest.approx(
        (found.estimate - reach, found.estimate + reach)
    )


def test_pairs_in_closed_form_equal_leaving_out_one_seed_at_a_time(
    generator: torch.Generator,
) -> None:
    matrix = symmetric(8, generator) + 3
    matrix += 2 * torch.arange(8.0).sqrt()[:, None] + 2 * torch.arange(8.0).sqrt()[None, :]
    slow = jackknife(lambda kept: mean_of_pairs(matrix[kept][:, kept]), 8)
    fast = pair_interval(matrix)
    assert (fast.estimate, fast.low, fast.high) == pytest.approx(
        (slow.estimate, slow.low, slow.high)
    )


def test_jackknife_by_hand() -> None:
    # Left out: 2.5, 2, 1.5; SE^2 = 2/3 * (0.25 + 0 + 0.25) = 1/3; t_2 = 4.3027.
    found = jackknife(lambda kept: float(torch.tensor([1.0, 2.0, 3.0])[kept].mean()), 3)
    assert found.estimate == pytest.approx(2.0)
    assert found.high - found.estimate == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)


@pytest.mark.parametrize(("seeds", "naive_coverage"), [(5, 0.63), (10, 0.47), (20, 0.36)])
def test_coverage_where_pairs_depend_most(
    seeds: int, naive_coverage: float, generator: torch.Generator
) -> None:
    """Each seed shifts all its pairs; counting pairs as independent covers 63 / 47 / 36%."""
    hits = naive_hits = 0
    count = seeds * (seeds - 1) / 2
    for _ in range(800):
        shift = torch.randn(seeds, generator=generator, dtype=torch.float64)
        matrix = shift[:, None] + shift[None, :]
        found = pair_interval(matrix)
        hits += found.low <= 0 <= found.high
        pairs = matrix[torch.triu_indices(seeds, seeds, 1).unbind()]
        reach = stats.t.ppf(0.975, count - 1) * float(pairs.std()) / math.sqrt(count)
        naive_hits += abs(found.estimate) <= reach
    assert 0.93 <= hits / 800 <= 0.99
    assert naive_hits / 800 == pytest.approx(naive_coverage, abs=0.06)


@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_coverage_of_a_mean_distance(seeds: int, generator: torch.Generator) -> None:
    truth, hits = 2 * 2 / math.sqrt(math.pi), 0  # E |x - y| of normal points in three dimensions
    for _ in range(600):
        points = torch.randn(seeds, 3, generator=generator, dtype=torch.float64)
        distances = (points[:, None] - points[None, :]).norm(dim=2)
        found = pair_interval(distances)
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 600 <= 0.99


def test_balance_does_not_take_the_width_away() -> None:
    """In two classes of ten every seed has the same influence: the bare jackknife has no width."""
    half = torch.arange(20) < 10
    same = (half[:, None] == half[None, :]).double()
    bare = jackknife(lambda kept: mean_of_pairs(same[kept][:, kept]), 20)
    assert bare.high - bare.low < 1e-9
    found = pair_interval(same)
    assert found.low < 0.5 < found.high


def test_few_seeds_are_said_to_be_few() -> None:
    one, two = torch.zeros(1, 1), torch.tensor([[0.0, 0.3], [0.3, 0.0]])
    assert not pair_interval(one).defined
    assert math.isnan(pair_interval(one).estimate)
    assert pair_interval(two).estimate == pytest.approx(0.3)
    assert not pair_interval(two).defined
    assert "one seed" in mean_interval(torch.tensor([4.0])).method
    assert not jackknife(lambda kept: 1.0, 1).defined


def test_what_two_seeds_cannot_give_is_said() -> None:
    left_out = torch.full((2,), math.nan, dtype=torch.float64)
    assert from_left_out(0.4, left_out).method == "undefined: two seeds are one pair"
    assert "one of 3 seeds" in from_left_out(0.4, torch.full((3,), math.nan)).method
    said = str(undefined(math.nan, "one seed has no pairs"))
    assert said == "not defined (one seed has no pairs)"


def test_no_spread_is_not_called_alike() -> None:
    """Three seeds that all differ, and by the same amount."""
    apart = pair_interval(1 - torch.eye(3))
    assert apart.degenerate
    assert str(apart) == "1 (no spread over seeds)"


def test_an_undefined_interval_is_plain_json() -> None:
    mapping = mean_interval(torch.tensor([4.0])).to_mapping()
    assert mapping["estimate"] == 4.0
    assert mapping["low"] is None
    json.dumps(mapping, allow_nan=False)
    assert "no interval" in str(mean_interval(torch.tensor([4.0])))


def test_clipping_is_said() -> None:
    cut = Interval(0.1, -0.3, 0.5).clipped(0.0, 1.0)
    assert (cut.low, cut.high) == (0.0, 0.5)
    assert "clipped to [0, 1]" in cut.method
    assert Interval(0.1, 0.0, 0.5).clipped(0.0, 1.0).method == "jackknife-t"


@pytest.mark.parametrize(("seeds", "bound"), [(20, 0.86), (50, 0.94)])
def test_all_of_all_succeed(seeds: int, bound: float) -> None:
    found = clopper_pearson(seeds, seeds)
    assert found.low == pytest.approx(bound, abs=0.005)
    assert found.high == 1.0
    assert clopper_pearson(0, seeds).high == pytest.approx(1 - found.low)


def test_clopper_pearson_agrees_with_scipy() -> None:
    for successes in (1, 7, 19):
        exact = stats.binomtest(successes, 20).proportion_ci(0.95, "exact")
        found = clopper_pearson(successes, 20)
        assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="matrix: wanted a symmetric"):
        pair_interval(torch.tensor([[0.0, 1.0, 2.0], [0.0, 0.0, 1.0], [2.0, 1.0, 0.0]]))
    with pytest.raises(ValueError, match="matrix: wanted finite"):
        pair_interval(torch.full((3, 3), math.nan))
    with pytest.raises(ValueError, match="values: wanted at least one seed"):
        mean_interval(torch.zeros(0))
    with pytest.raises(ValueError, match="seeds: wanted at least 1"):
        jackknife(lambda kept: 0.0, 0)
    with pytest.raises(ValueError, match="successes"):
        clopper_pearson(3, 2)
    with pytest.raises(ValueError, match="level"):
        mean_interval(torch.zeros(3), level=1.0)
