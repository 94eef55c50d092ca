"""Classes not met: published formulas by hand, and extrapolation against simulated seeds."""

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
    expected = truth = coverage = then = 0.0
    for _ in range(600):
        draw = torch.multinomial(p, 40, replacement=True, generator=generator)
        counts = count(draw[:20])
        expected += new_classes(counts, 20) / 600
        coverage += coverage_after(counts, 20) / 600
        truth += (len(count(draw)) - len(counts)) / 600
        then += float(p[draw.unique()].sum()) / 600
    assert expected == pytest.approx(truth, rel=0.2)
    assert coverage == pytest.approx(then, abs=0.02)


def test_nothing_hints_at_others() -> None:
    found = unseen(torch.tensor([20]))
    assert not found.classes.defined
    assert found.classes.estimate == 1
    assert found.missed_share == pytest.approx(0.139, abs=5e-4)
    assert "one of share above 0.14 would have shown" in found.statement


def test_unresolved_is_said() -> None:
    found = unseen(torch.tensor([1, 1, 1, 1]))
    assert not found.resolved
    assert "unresolved, coverage 0" in found.statement
    assert "how many more can't be said" in found.statement
    assert unseen(torch.tensor([1])).statement.startswith("1 classes in 1 seeds: unresolved")


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="more: wanted"):
        new_classes(torch.tensor([2]), -1)
    with pytest.raises(ValueError, match="counts"):
        unseen(torch.tensor([2, 0]))
