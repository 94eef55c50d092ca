"""Overlap of component sets: chance by enumeration, one matrix product against pairs of sets."""

import math
from itertools import combinations

import pytest
import torch

from analysis.stability.interpretations.components import expected_jaccard, overlap


@pytest.mark.parametrize("universe", [1, 4, 6])
def test_expected_overlap_is_the_mean_over_all_pairs_of_sets(universe: int) -> None:
    for a in range(universe + 1):
        for b in range(universe + 1):
            pairs = [
                (set(x), set(y))
                for x in combinations(range(universe), a)
                for y in combinations(range(universe), b)
            ]
            slow = sum(len(x & y) / len(x | y) if x | y else 1.0 for x, y in pairs) / len(pairs)
            assert expected_jaccard(a, b, universe) == pytest.approx(slow, abs=1e-12)


def test_by_hand() -> None:
    # Two of four, one shared: J = 1/3. By chance 0, 1, 2 shared with 1/6, 4/6, 1/6: E = 7/18.
    found = overlap([{"a", "b"}, {"b", "c"}], universe=4)
    assert float(found.jaccard[0, 1]) == pytest.approx(1 / 3)
    assert float(found.expected[0, 1]) == pytest.approx(7 / 18)
    assert float(found.adjusted[0, 1]) == pytest.approx((1 / 3 - 7 / 18) / (11 / 18))
    assert found.adjusted.diagonal().tolist() == pytest.approx([1.0, 1.0])
    assert not found.of_union


def test_random_sets_are_at_zero_on_average(generator: torch.Generator) -> None:
    sets = [set(torch.randperm(50, generator=generator)[: 5 + n % 9].tolist()) for n in range(150)]
    found = overlap(sets, universe=50).adjusted
    rows, columns = torch.triu_indices(150, 150, 1)
    assert float(found[rows, columns].mean()) == pytest.approx(0.0, abs=0.01)


def test_all_pairs_equal_sets_one_by_one(generator: torch.Generator) -> None:
    sets = [set(torch.randint(0, 12, (6,), generator=generator).tolist()) for _ in range(5)]
    found = overlap(sets).jaccard
    slow = [[len(a & b) / len(a | b) for b in sets] for a in sets]
    torch.testing.assert_close(found, torch.tensor(slow, dtype=torch.float64))


def test_nothing_is_above_chance_where_chance_agrees() -> None:
    found = overlap([{"a", "b"}, {"a", "b"}, set()], universe=2)
    assert math.isnan(float(found.adjusted[0, 1]))
    assert float(found.adjusted[0, 2]) == 0.0
    assert float(overlap([set(), set()], universe=3).jaccard[0, 1]) == 1.0


def test_the_union_stands_in_and_is_said() -> None:
    found = overlap([{"a"}, {"b", "c"}])
    assert (found.universe, found.of_union) == (3, True)


def test_a_universe_below_the_union_is_refused() -> None:
    with pytest.raises(ValueError, match="universe: wanted at least 3"):
        overlap([{"a"}, {"b", "c"}], universe=2)
    with pytest.raises(ValueError, match="sets: wanted one set a model"):
        overlap([])
    with pytest.raises(ValueError, match="wanted 0 to 3"):
        expected_jaccard(4, 1, 3)


def test_nothing_is_said_of_chance_without_a_universe() -> None:
    """Out of their own union two sets of ten, nine of them common, would be below chance."""
    found = overlap([set(range(10)), {*range(9), 10}])
    assert float(found.jaccard[0, 1]) == pytest.approx(9 / 11)
    assert bool(found.adjusted.isnan().all())
    assert bool(found.expected.isnan().all())
    known = overlap([set(range(10)), {*range(9), 10}], universe=100)
    assert float(known.adjusted[0, 1]) > 0.8
