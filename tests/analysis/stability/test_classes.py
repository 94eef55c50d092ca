"""Solution classes: complete linkage at a threshold, labels, and the order of a map of seeds."""

import itertools
import math

import pytest
import torch

from analysis.stability.entropies.classes import (
    class_counts,
    distance_classes,
    leaf_order,
    link,
    number_classes,
    same_class,
)


def distances_of(points: torch.Tensor) -> torch.Tensor:
    return (points[:, None] - points[None, :]).norm(dim=2)


@pytest.fixture
def distances(generator: torch.Generator) -> torch.Tensor:
    return distances_of(torch.randn(14, 2, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9, 2.0])
def test_no_two_seeds_of_a_class_lie_farther_apart_than_the_threshold(
    distances: torch.Tensor, threshold: float
) -> None:
    together = same_class(distance_classes(distances, threshold)).bool()
    assert float(distances[together].max()) <= threshold


def test_complete_linkage_by_a_slow_reference(distances: torch.Tensor) -> None:
    groups = [{seed} for seed in range(14)]

    def width(a: set[int], b: set[int]) -> float:
        return max(float(distances[i, j]) for i in a for j in b)

    while True:
        near, a, b = min(
            ((width(a, b), a, b) for a, b in itertools.combinations(groups, 2)), key=lambda x: x[0]
        )
        if near > 0.9:
            break
        groups = [each for each in groups if each not in (a, b)] + [a | b]
    found = distance_classes(distances, 0.9)
    assert sorted(map(sorted, groups)) == sorted(
        torch.nonzero(found == n).flatten().tolist() for n in range(int(found.max()) + 1)
    )


def test_chains_are_cut_and_the_threshold_itself_joins() -> None:
    line = distances_of(torch.tensor([[0.0], [1.0], [2.0]], dtype=torch.float64))
    assert class_counts(distance_classes(line, 1.0)).tolist() == [2, 1]
    assert class_counts(distance_classes(line, 2.0)).tolist() == [3]


def test_classes_are_numbered_by_size_then_by_first_member() -> None:
    assert number_classes(list("cabbac")).tolist() == [0, 1, 2, 2, 1, 0]
    assert number_classes(["x", "y", "y"]).tolist() == [1, 0, 0]


def test_leaving_out_a_seed_can_change_the_others_classes() -> None:
    # Of 0, 1, 1.9 the nearer two join; without 1.9 it is 0 and 1.
    found = link(distances_of(torch.tensor([[0.0], [1.0], [1.9]], dtype=torch.float64)))
    assert number_classes(found.classes(1.0)).tolist() == [1, 0, 0]
    assert number_classes(found.classes_without(2, 1.0)).tolist() == [0, 0]
    assert found.heights == pytest.approx((0.9, 1.9))


def test_leaf_order_puts_near_seeds_side_by_side(generator: torch.Generator) -> None:
    place = torch.randperm(9, generator=generator)
    order = leaf_order(distances_of(place[:, None].double()))
    assert [int(place[seed]) for seed in order] in (list(range(9)), list(range(8, -1, -1)))


def test_one_seed_is_one_class() -> None:
    assert distance_classes(torch.zeros(1, 1), 0.1).tolist() == [0]
    assert leaf_order(torch.zeros(1, 1)) == (0,)


def test_mistakes_are_named(distances: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="threshold"):
        distance_classes(distances, -0.1)
    with pytest.raises(ValueError, match="threshold"):
        distance_classes(distances, math.nan)
    with pytest.raises(ValueError, match="distances: wanted none below 0"):
        distance_classes(-distances, 0.1)
