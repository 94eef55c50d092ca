"""Entropy against the class threshold: a staircase with every step in it."""

import itertools

import pytest
import torch

from analysis.stability.entropies.classes import distance_classes, link
from analysis.stability.entropies.curve import entropy_curve


@pytest.fixture
def distances(generator: torch.Generator) -> torch.Tensor:
    points = torch.randn(12, 2, generator=generator, dtype=torch.float64)
    points[6:] += 8
    return (points[:, None] - points[None, :]).norm(dim=2)


def test_classes_fall_from_one_a_seed_to_one(distances: torch.Tensor) -> None:
    curve = entropy_curve(link(distances))
    counts = [point.classes for point in curve]
    assert counts == list(range(12, 0, -1))
    assert [point.threshold for point in curve] == sorted(point.threshold for point in curve)


def test_nothing_changes_between_two_points(distances: torch.Tensor) -> None:
    curve = entropy_curve(link(distances))
    for here, there in itertools.pairwise(curve):
        between = (here.threshold + there.threshold) / 2
        assert len(distance_classes(distances, between).unique()) == here.classes


def test_entropy_is_withheld_below_half_coverage(distances: torch.Tensor) -> None:
    curve = entropy_curve(link(distances))
    assert curve[0].entropy is None
    assert curve[0].coverage == 0.0
    assert all((point.entropy is None) == (point.coverage < 0.5) for point in curve)
    two = next(point for point in curve if point.classes == 2)
    assert two.entropy is not None
    assert two.entropy.low < 1.0 < two.entropy.high


def test_equal_models_give_one_point() -> None:
    (point,) = entropy_curve(link(torch.zeros(5, 5)))
    assert (point.threshold, point.classes) == (0.0, 1)


def test_one_seed_gives_one_point() -> None:
    (point,) = entropy_curve(link(torch.zeros(1, 1)))
    assert point.entropy is None
