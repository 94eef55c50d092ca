"""Classes not met: published formulas by hand, and extrapolation against simulated seeds."""

import math

import pytest
import torch

from analysis.stability.estimates.unseen import chao1, coverage_after, new_classes, unseen


def count(draw: torch.Tensor) -> torch.Tensor:
    return torch.unique(draw, return_counts=True)[1]


def test_by_hand() -> None:
    counts = torch.tensor([4, 2, 2, 1, 1])  # K = 10, f1 = f2 = 2
    f0 = 0.9 * 2 / 6
    assert chao1(counts).estimate == pytest.approx(5 + f0)
    f0 = 0.9 * 4 / 4
    assert new_classes(counts, 1) == pytest.approx(f0 * 2 / (10 * f0 + 2))
    assert new_classes(counts, 10**9) == pytest.approx(f0)
    assert coverage_after(counts, 0) == pytest.approx(1 - 0.2 * 18 / 22)
    # no class twice: (K-1)/K f1 (f1-1)/2
    assert chao1(torch.tensor([7, 1, 1, 1])).estimate == pytest.approx(4 + 0.9 * 3)


def test_the_interval_where_no_class_was_met_twice_by_hand() -> None:
    """Chao 1987: the last term of the variance is f1^4 / (4 S) there."""
    f0 = 0.9 * 3
    variance = 0.9 * 3 * 2 / 2 + 0.81 * 3 * 25 / 4 - 0.81 * 81 / (4 * (4 + f0))
    spread = math.exp(1.959964 * math.log(1 + variance / f0**2) ** 0.5)
    found = chao1(torch.tensor([7, 1, 1, 1]))
    assert (found.low, found.high) == (math.floor(4 + f0 / spread), math.ceil(4 + f0 * spread))
    without = variance + 0.81 * 81 / (4 * (4 + f0))
    wider = math.exp(1.959964 * math.log(1 + without / f0**2) ** 0.5)
    assert math.ceil(4 + f0 * wider) > found.high


@pytest.mark.parametrize("counts", [[4, 2, 2, 1, 1], [7, 1, 1, 1], [5, 1, 1], [3, 2, 1]])
def test_one_more_seed_finds_what_coverage_leaves(counts: list[int]) -> None:
    given = torch.tensor(counts)
    for more in range(4):
        next_one = new_classes(given, more + 1) - new_classes(given, more)
        assert next_one == pytest.approx(1 - coverage_after(given, more))


def test_one_class_met_once_alone_is_no_forecast() -> None:
    """From one seed that stands alone the formulas would have no new class, and coverage 1."""
    found = unseen(torch.tensor([5, 1]))
    assert math.isnan(found.new)
    assert math.isnan(found.coverage_at_twice)
    assert "about" not in found.statement


def test_its_low_end_is_a_lower_bound_and_it_covers_for_equal_classes(
    generator: torch.Generator,
) -> None:
    low = hits = 0
    estimates = []
    for _ in range(400):
        found = chao1(count(torch.randint(12, (20,), generator=generator)))
        estimates.append(found.estimate)
        low += not found.defined or found.low <= 12
        hits += found.defined and found.low <= 12 <= found.high
    assert 10.5 <= sum(estimates) / 400 <= 12.5
    assert low / 400 >= 0.93
    assert hits / 400 >= 0.85


def test_new_classes_and_coverage_come_true(generator: torch.Generator) -> None:
    p = torch.tensor([0.3, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05, 0.04, 0.03, 0.03])
    told = expected = truth = coverage = then = 0.0
    for _ in range(600):
        draw = torch.multinomial(p, 40, replacement=True, generator=generator)
        counts = count(draw[:20])
        if math.isnan(new_classes(counts, 20)):
            continue
        told += 1
        expected += new_classes(counts, 20)
        coverage += coverage_after(counts, 20)
        truth += len(count(draw)) - len(counts)
        then += float(p[draw.unique()].sum())
    assert told > 560
    assert expected / told == pytest.approx(truth / told, rel=0.2)
    assert coverage / told == pytest.approx(then / told, abs=0.02)


def test_nothing_hints_at_others() -> None:
    found = unseen(torch.tensor([20]))
    assert not found.classes.defined
    assert found.classes.estimate == 1
    assert found.missed_share == pytest.approx(0.139, abs=5e-4)
    assert "one of share 0.14 would have shown with 95% probability" in found.statement


def test_unresolved_is_said() -> None:
    found = unseen(torch.tensor([1, 1, 1, 1]))
    assert not found.resolved
    assert "unresolved, coverage 0" in found.statement
    assert "how many more can't be said" in found.statement
    assert unseen(torch.tensor([1])).statement.startswith("1 class in 1 seed: unresolved")


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="more: wanted"):
        new_classes(torch.tensor([2]), -1)
    with pytest.raises(ValueError, match="counts"):
        unseen(torch.tensor([2, 0]))
