"""Estimators of class diversity: published counts, bias by simulation, exact references."""

import math

import pytest
import torch
from mpmath import mp, mpf

from analysis.stability.entropies import entropy
from analysis.stability.entropies.entropy import (
    chao_shen,
    chao_wang_jost,
    collision,
    coverage,
    miller_madow,
    plug_in,
)

S5 = torch.tensor([20, 8, 6, 5, 5, 2, 2, 1, 1])  # Chughtai 2023: 50 multilayer perceptrons


def test_published_counts_of_s5() -> None:
    assert plug_in(S5) / math.log(2) == pytest.approx(2.581, abs=0.0005)
    assert miller_madow(S5) / math.log(2) == pytest.approx(2.696, abs=0.0005)
    assert collision(S5) == pytest.approx(0.208, abs=0.0005)
    assert coverage(S5) == pytest.approx(0.96)


@pytest.mark.parametrize(
    ("estimator", "bias"),
    [(plug_in, -0.20), (miller_madow, -0.03), (chao_shen, -0.01), (chao_wang_jost, 0.01)],
)
def test_bias_over_eight_equal_classes(estimator, bias: float, generator: torch.Generator) -> None:
    draws = torch.randint(8, (1500, 20), generator=generator)
    values = [estimator(torch.unique(draw, return_counts=True)[1]) for draw in draws]
    assert sum(values) / len(values) - math.log(8) == pytest.approx(bias, abs=0.015)


def test_collision_is_unbiased(generator: torch.Generator) -> None:
    p = torch.tensor([0.5, 0.3, 0.1, 0.1])
    draws = torch.multinomial(p.repeat(8000, 1), 3, replacement=True, generator=generator)
    values = [collision(torch.unique(draw, return_counts=True)[1]) for draw in draws]
    assert sum(values) / len(values) == pytest.approx(float(p.square().sum()), abs=0.012)


@pytest.mark.parametrize(
    "counts", [[1] * 20, [20, 8, 6, 5, 5, 2, 2, 1, 1], [30, 1], [3, 1, 1, 1], [2, 2, 1]]
)
def test_chao_wang_jost_in_fifty_digits(counts: list[int]) -> None:
    mp.dps = 50
    K, f1, f2 = sum(counts), counts.count(1), counts.count(2)
    expected = sum(mpf(c) / K * sum(mpf(1) / k for k in range(c, K)) for c in counts)
    top = 2 * mpf(f2) if f2 else mpf(2)
    A = top / (((K - 1) * f1 if f2 else (K - 1) * (f1 - 1)) + top)
    if A < 1:
        tail = -mp.log(A) - sum((1 - A) ** r / r for r in range(1, K))
        expected += mpf(f1) / K * (1 - A) ** (1 - K) * tail
    assert chao_wang_jost(torch.tensor(counts)) == pytest.approx(float(expected), rel=1e-10)


def test_one_class_has_no_entropy() -> None:
    counts = torch.tensor([20])
    for name in ("plug_in", "miller_madow", "chao_shen", "chao_wang_jost"):
        assert getattr(entropy, name)(counts) == pytest.approx(0.0, abs=1e-12)
    assert (collision(counts), coverage(counts)) == (1.0, 1.0)


def test_nothing_is_covered_where_nothing_repeats() -> None:
    counts = torch.tensor([1, 1, 1, 1])
    assert coverage(counts) == 0.0
    assert collision(counts) == 0.0
    assert math.isnan(chao_shen(counts))
    assert coverage(torch.tensor([1])) == 0.0
    assert math.isnan(collision(torch.tensor([1])))


def test_a_class_without_seeds_is_refused() -> None:
    with pytest.raises(ValueError, match="counts"):
        plug_in(torch.tensor([3, 0]))
