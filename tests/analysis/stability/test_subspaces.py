"""Spans of features: the same, orthogonal, random ones; unstable features of a stable span."""

import pytest
import torch

from analysis.stability.features.directions import of_dictionary
from analysis.stability.features.pairing import pair_all, pwmcc
from analysis.stability.features.subspaces import leading, overlap, unshared


def normal(*shape: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_overlap_is_that_of_principal_angles() -> None:
    e = torch.eye(4, dtype=torch.float64)
    assert overlap(e[:2], 3 * e[:2], 2) == pytest.approx(1.0)
    assert overlap(e[:2], e[2:], 2) == pytest.approx(0.0)
    turned = torch.stack([e[0], 0.6 * e[1] + 0.8 * e[2]])
    assert overlap(e[:2], turned, 2) == pytest.approx((1 + 0.36) / 2)


def test_random_spans_overlap_by_their_share_of_dimensions(generator: torch.Generator) -> None:
    found = [
        overlap(normal(40, 20, generator=generator), normal(40, 20, generator=generator), 5)
        for _ in range(60)
    ]
    assert sum(found) / len(found) == pytest.approx(5 / 20, abs=0.02)


def test_other_features_of_the_same_span_overlap_whole(generator: torch.Generator) -> None:
    plane = normal(3, 20, generator=generator)
    sets = [of_dictionary(normal(12, 3, generator=generator) @ plane) for _ in range(2)]
    pairing = pair_all(sets)[0]
    assert float(pwmcc([pairing], 2)[0, 1]) < 0.97
    assert overlap(sets[0].rows, sets[1].rows, 3) == pytest.approx(1.0)
    ours, theirs = unshared(pairing, (sets[0], sets[1]), 0.999)
    assert len(ours) == len(theirs) == 12 - int((pairing.score >= 0.999).sum())


def test_rank_is_checked(generator: torch.Generator) -> None:
    rows = normal(3, 5, generator=generator)
    with pytest.raises(ValueError, match="rank: wanted 1 to 3, got 4"):
        leading(rows, 4)
    flat = torch.cat([rows[:1], 2 * rows[:1], -rows[:1]])
    with pytest.raises(ValueError, match="rank: wanted at most 1, what the rows span, got 2"):
        leading(flat, 2)
