"""Diversity by similarity: laws, hand-computed cases, refusals."""

import math
from itertools import pairwise

import pytest
import torch

from analysis.stability.entropies.entropy import collision
from analysis.stability.entropies.similarity_sensitive import (
    diversity_interval,
    leinster_cobbold,
    smallest_eigenvalue,
    unbiased_order_two,
    vendi,
    von_neumann_entropy,
)

NOT_PSD = torch.tensor([[1.0, 0.9, 0.0], [0.9, 1.0, 0.9], [0.0, 0.9, 1.0]], dtype=torch.float64)


def gram(seeds: int, d: int, generator: torch.Generator) -> torch.Tensor:
    x = torch.randn(seeds, d, generator=generator, dtype=torch.float64).abs()
    x = x / x.norm(dim=1, keepdim=True)
    return x @ x.T


def test_diversity_falls_with_the_order(generator: torch.Generator) -> None:
    K = gram(9, 5, generator)
    orders = (0.0, 0.5, 0.99999, 1.0, 1.00001, 2.0, 2.000001, 8.0, 700.0, math.inf)
    for measure in (vendi, leinster_cobbold):
        values = [measure(K, order=q) for q in orders]
        assert all(a >= b - 1e-9 for a, b in pairwise(values))
        assert values[2] == pytest.approx(values[3], rel=1e-4)
        assert values[4] == pytest.approx(values[3], rel=1e-4)
        assert values[-2] == pytest.approx(values[-1], rel=0.02)
        assert 1 <= values[-1] <= values[0] <= 9 + 1e-9
    assert vendi(K, order=0.0) == pytest.approx(5)  # the rank


def test_order_two_without_eigenvalues_is_order_two_with(generator: torch.Generator) -> None:
    K = gram(8, 6, generator)
    assert vendi(K, order=2.0) == pytest.approx(vendi(K, order=2.0000001), rel=1e-5)
    assert vendi(K, order=2.0) == pytest.approx(float(64 / K.square().sum()))
    assert leinster_cobbold(K, order=2.0) == pytest.approx(float(64 / K.sum()))


def test_by_hand() -> None:
    K = torch.tensor([[1.0, 0.6], [0.6, 1.0]], dtype=torch.float64)  # eigenvalues of K/2: .8, .2
    assert von_neumann_entropy(K) == pytest.approx(-0.8 * math.log(0.8) - 0.2 * math.log(0.2))
    assert vendi(K, order=math.inf) == pytest.approx(1 / 0.8)
    assert vendi(K, order=0.0) == pytest.approx(2)
    assert leinster_cobbold(K, order=1.0) == pytest.approx(1 / 0.8)


def test_classes_are_a_similarity(generator: torch.Generator) -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    same = (labels[:, None] == labels[None, :]).double()
    p = torch.tensor([3, 2, 1]) / 6
    for measure in (vendi, leinster_cobbold):
        assert measure(same) == pytest.approx(math.exp(float(torch.special.entr(p).sum())))
        assert measure(same, order=0.0) == pytest.approx(3)
        assert measure(same, order=2.0) == pytest.approx(float(1 / p.square().sum()))
    found = unbiased_order_two(same)
    assert found.estimate == pytest.approx(collision(torch.tensor([3, 2, 1])))


def test_order_two_needs_no_psd_and_others_say_so() -> None:
    low = smallest_eigenvalue(NOT_PSD)
    assert low < -0.2
    assert vendi(NOT_PSD, order=2.0) == pytest.approx(9 / (3 + 4 * 0.81))
    assert leinster_cobbold(NOT_PSD, order=0.5) > 1
    for order in (0.0, 0.5, 1.0, 3.0, math.inf):
        with pytest.raises(ValueError, match=rf"eigenvalue {low:.3g}; take order 2 or Leinster"):
            vendi(NOT_PSD, order=order)


def test_float32_rounding_is_not_taken_for_a_seed(generator: torch.Generator) -> None:
    K = gram(30, 4, generator).float()
    assert vendi(K.fill_diagonal_(1.0), order=0.0) == pytest.approx(4, abs=1e-6)


def test_own_neighbours_bias_order_two_and_their_removal_mends_it(
    generator: torch.Generator,
) -> None:
    biased, mended = 0.0, 0.0
    for _ in range(600):
        labels = torch.randint(4, (6,), generator=generator)
        same = (labels[:, None] == labels[None, :]).double()
        biased += 1 / vendi(same, order=2.0) / 600
        mended += unbiased_order_two(same).estimate / 600
    assert mended == pytest.approx(0.25, abs=0.02)
    assert biased == pytest.approx(1 / 6 + 5 / 6 * 0.25, abs=0.02)


def test_interval(generator: torch.Generator) -> None:
    found = diversity_interval(vendi, gram(12, 5, generator))
    assert 1 <= found.low < found.estimate < found.high <= 12
    assert not diversity_interval(vendi, torch.ones(1, 1)).defined
    for measure in (vendi, leinster_cobbold):
        pair = diversity_interval(measure, gram(2, 5, generator))
        assert 1 < pair.estimate < 2
        assert pair.method == "undefined: two seeds are one pair"
    assert diversity_interval(vendi, torch.ones(4, 4)).estimate == pytest.approx(1)


def test_mistakes_are_named() -> None:
    K = torch.eye(3)
    with pytest.raises(ValueError, match="order: wanted"):
        vendi(K, order=-1.0)
    with pytest.raises(ValueError, match="order: wanted"):
        leinster_cobbold(K, order=math.nan)
    with pytest.raises(ValueError, match="similarity: wanted 1 all along"):
        vendi(K * 2)
    with pytest.raises(ValueError, match=r"similarity: wanted numbers in \[0, 1\]"):
        leinster_cobbold(torch.tensor([[1.0, -0.5], [-0.5, 1.0]]))
    with pytest.raises(ValueError, match="finite"):
        vendi(torch.tensor([[1.0, math.nan], [math.nan, 1.0]]))
