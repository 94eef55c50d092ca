"""Components of variance from pairs: equal to analysis of variance, unbiased, honest when few."""

import math
from itertools import product

import pytest
import torch

from analysis.stability.estimates.variance_components import (
    half_squared_differences,
    variance_components,
)


def crossed(*counts: int) -> tuple[tuple[int, ...], ...]:
    """Levels of each factor in a full crossing, the last one the repeat."""
    return tuple(zip(*product(*(range(c) for c in counts)), strict=True))


def normal(*shape: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def two_way_anova(y: torch.Tensor) -> tuple[float, float, float, float]:
    """Expected mean squares of y [init, order, repeat], solved: init, order, both, repeat."""
    a, b, n = y.shape
    cell, rows, columns, mean = y.mean(2), y.mean((1, 2)), y.mean((0, 2)), y.mean()
    ms_a = b * n * (rows - mean).square().sum() / (a - 1)
    ms_b = a * n * (columns - mean).square().sum() / (b - 1)
    both = cell - rows[:, None] - columns[None, :] + mean
    ms_ab = n * both.square().sum() / ((a - 1) * (b - 1))
    ms_e = (y - cell[..., None]).square().sum() / (a * b * (n - 1))
    parts = ((ms_a - ms_ab) / (b * n), (ms_b - ms_ab) / (a * n), (ms_ab - ms_e) / n, ms_e)
    return tuple(float(part) for part in parts)


def test_balanced_scalars_give_the_analysis_of_variance(generator: torch.Generator) -> None:
    y = normal(4, 3, 2, generator=generator) + 2 * normal(4, 1, 1, generator=generator)
    init, order, _ = crossed(4, 3, 2)
    d = half_squared_differences(y.flatten())
    found = variance_components(d, {"init": init, "order": order})
    assert found.names == ("init", "order", "init x order", "repeat")
    assert tuple(c.estimate for c in found.components) == pytest.approx(two_way_anova(y))
    assert found.total.estimate == pytest.approx(sum(two_way_anova(y)))
    assert sum(s.estimate for s in found.shares) == pytest.approx(1)


def test_three_factors_recover_what_was_planted(generator: torch.Generator) -> None:
    truth, sums = (4.0, 1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 0.5), torch.zeros(8, dtype=torch.float64)
    a, b, c, _ = crossed(4, 4, 4, 2)
    for _ in range(60):
        y = 2 * normal(4, 1, 1, 1, generator=generator) + normal(1, 4, 1, 1, generator=generator)
        y = y + math.sqrt(2) * normal(4, 4, 1, 1, generator=generator)
        y = y + normal(4, 4, 4, 1, generator=generator)
        y = y + math.sqrt(0.5) * normal(4, 4, 4, 2, generator=generator)
        d = half_squared_differences(y.flatten())
        found = variance_components(d, {"a": a, "b": b, "c": c})
        sums += torch.tensor([each.estimate for each in found.components]) / 60
    assert found.names == ("a", "b", "c", "a x b", "a x c", "b x c", "a x b x c", "repeat")
    for value, planted in zip(sums.tolist(), truth, strict=True):
        assert value == pytest.approx(planted, abs=0.25 + 0.25 * planted)


def test_by_hand() -> None:
    """Labels: initialisation decides all of it."""
    init, order, _ = crossed(3, 3, 2)
    label = torch.tensor(init)
    other = (label[:, None] != label[None, :]).double()
    found = variance_components(other, {"init": init, "order": order})
    assert [c.estimate for c in found.components] == pytest.approx([1, 0, 0, 0])


def test_unbalanced_designs_stay_unbiased(generator: torch.Generator) -> None:
    init, order, _ = crossed(5, 5, 2)
    kept = [i for i in range(50) if i % 7 and i != 11]
    sums = torch.zeros(4, dtype=torch.float64)
    for _ in range(300):
        y = normal(5, 1, 1, generator=generator) + normal(5, 5, 2, generator=generator)
        d = half_squared_differences(y.flatten()[kept])
        levels = {
            "init": tuple(init[i] for i in kept),
            "order": tuple(order[i] for i in kept),
        }
        found = variance_components(d, levels)
        sums += torch.tensor([c.estimate for c in found.components]) / 300
    assert sums.tolist() == pytest.approx([1, 0, 0, 1], abs=0.12)


def test_extractors_nest_in_models(generator: torch.Generator) -> None:
    """init x order, two repeats, three extractors each: the same call, one nested factor more."""
    init, order, repeat, extractor = crossed(4, 4, 2, 3)
    sums = torch.zeros(5, dtype=torch.float64)
    for _ in range(100):
        y = 2 * normal(4, 1, 1, 1, generator=generator) + normal(4, 4, 2, 1, generator=generator)
        y = y + math.sqrt(3) * normal(4, 4, 2, 3, generator=generator)
        found = variance_components(
            half_squared_differences(y.flatten()),
            {"init": init, "order": order},
            nested={"repeat": repeat, "extractor": extractor},
        )
        sums += torch.tensor([c.estimate for c in found.components]) / 100
    assert found.names == ("init", "order", "init x order", "repeat", "extractor")
    assert sums.tolist() == pytest.approx([4, 0, 0, 1, 3], abs=0.9)  # three standard errors of init
    unnamed = variance_components(
        half_squared_differences(y.flatten()),
        {"init": init, "order": order},
        nested={"repeat": repeat},
    )
    assert unnamed.names[-1] == "reading"
    assert [c.estimate for c in unnamed.components] == pytest.approx(
        [c.estimate for c in found.components]
    )


def test_no_repeats_are_said(generator: torch.Generator) -> None:
    init, order = crossed(4, 5)
    y = normal(4, 5, generator=generator)
    found = variance_components(
        half_squared_differences(y.flatten()), {"init": init, "order": order}
    )
    rows, columns = y.mean(1, keepdim=True), y.mean(0, keepdim=True)
    both = float((y - rows - columns + y.mean()).square().sum() / 12)
    assert found.names == ("init", "order", "init x order")
    assert found.components[2].estimate == pytest.approx(both)
    assert "no repeats" in found.notes[0]


def test_negative_estimates_are_kept() -> None:
    init, order, _ = crossed(2, 2, 2)
    y = torch.tensor([1.0, -1.0] * 4)
    found = variance_components(half_squared_differences(y), {"init": init, "order": order})
    assert found.components[2].estimate == pytest.approx(-1.0)
    assert not found.components[0].defined  # no pair of levels is left with one of two left out


def test_coverage(generator: torch.Generator) -> None:
    """Six levels each: the main effect's interval and that of the repeat."""
    init, order, _ = crossed(6, 6, 2)
    hits = torch.zeros(2)
    for _ in range(150):
        y = normal(6, 1, 1, generator=generator) + normal(1, 6, 1, generator=generator)
        y = y + normal(6, 6, 1, generator=generator) + normal(6, 6, 2, generator=generator)
        found = variance_components(
            half_squared_differences(y.flatten()), {"init": init, "order": order}
        )
        for i, each in enumerate((found.components[0], found.components[3])):
            hits[i] += each.low <= 1 <= each.high
    assert hits[0] / 150 > 0.8
    assert hits[1] / 150 > 0.9


def test_mistakes_are_named() -> None:
    d = torch.zeros(4, 4)
    with pytest.raises(ValueError, match="wanted every factor varied while the others stay"):
        variance_components(d, {"init": (0, 1, 2, 3), "order": (0, 1, 2, 3)})
    with pytest.raises(ValueError, match="init: wanted at least two levels"):
        variance_components(d, {"init": (0, 0, 0, 0)})
    with pytest.raises(ValueError, match="init: wanted a level for each of 4 runs, got 3"):
        variance_components(d, {"init": (0, 1, 1)})
    with pytest.raises(ValueError, match="crossed: wanted at least one factor"):
        variance_components(d, {})
