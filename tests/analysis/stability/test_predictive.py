"""Predictive entropies of the mixture over seeds."""

import math

import pytest
import torch

from analysis.stability.entropies.predictive import predictive_entropies, vote_entropies
from analysis.stability.estimates.intervals import jackknife
from analysis.stability.functional import disagreement


def rate_of_mean(outputs: torch.Tensor) -> float:
    return float(torch.special.entr(outputs.softmax(-1).mean(0)).sum(-1).mean())


def slow_votes(predicted: torch.Tensor) -> tuple[float, float]:
    plain = corrected = 0.0
    for votes in predicted.T:
        c = torch.unique(votes, return_counts=True)[1].double()
        h = float(torch.special.entr(c / c.sum()).sum())
        plain += h
        corrected += h + (len(c) - 1) / (2 * float(c.sum()))
    return plain / predicted.shape[1], corrected / predicted.shape[1]


def test_the_parts_add_up_and_match_a_slow_jackknife(generator: torch.Generator) -> None:
    outputs = 2 * torch.randn(6, 40, 5, generator=generator, dtype=torch.float64)
    found = predictive_entropies(outputs)
    parts = found.expected.estimate + found.information.estimate
    assert found.predictive.estimate == pytest.approx(parts)
    slow = jackknife(lambda kept: rate_of_mean(outputs[kept]), 6)
    fast = found.predictive
    assert (fast.estimate, fast.low, fast.high) == pytest.approx(
        (slow.estimate, slow.low, slow.high)
    )
    predicted = outputs.argmax(-1)
    votes = jackknife(lambda kept: slow_votes(predicted[kept])[0], 6)
    mended = jackknife(lambda kept: slow_votes(predicted[kept])[1], 6)
    assert (found.votes.estimate, found.votes.high) == pytest.approx((votes.estimate, votes.high))
    assert (found.votes_miller_madow.estimate, found.votes_miller_madow.low) == pytest.approx(
        (mended.estimate, max(mended.low, 0.0))
    )


def test_by_hand() -> None:
    sure = torch.tensor([[[60.0, 0.0]], [[0.0, 60.0]]], dtype=torch.float64)
    found = predictive_entropies(sure)
    assert found.predictive.estimate == pytest.approx(math.log(2))
    assert found.expected.estimate == pytest.approx(0.0, abs=1e-20)
    assert found.votes.estimate == pytest.approx(math.log(2))
    assert found.votes_miller_madow.estimate == pytest.approx(math.log(2) + 1 / 4)
    plain, _ = vote_entropies(torch.tensor([[0, 1], [0, 2], [0, 2]]))
    assert float(plain[0]) == pytest.approx((math.log(3) / 3 + 2 / 3 * math.log(1.5)) / 2)


def test_seeds_that_agree_have_no_vote_entropy(generator: torch.Generator) -> None:
    outputs = torch.randn(1, 9, 4, generator=generator).repeat(5, 1, 1)
    found = predictive_entropies(outputs)
    assert float(disagreement(outputs).pairs.max()) == 0
    assert found.votes.estimate == 0
    assert found.information.estimate == pytest.approx(0.0, abs=1e-9)


def test_one_seed_has_no_intervals(generator: torch.Generator) -> None:
    found = predictive_entropies(torch.randn(1, 9, 4, generator=generator))
    assert not found.predictive.defined
    assert found.votes.estimate == 0
    with pytest.raises(ValueError, match="outputs: wanted finite"):
        predictive_entropies(torch.full((2, 3, 4), math.nan))


def test_two_seeds_have_no_interval_but_of_means_over_seeds(generator: torch.Generator) -> None:
    found = predictive_entropies(torch.randn(2, 9, 4, generator=generator))
    mixed = (found.predictive, found.information, found.votes, found.votes_miller_madow)
    assert {each.method for each in mixed} == {"undefined: two seeds are one pair"}
    assert found.expected.defined
