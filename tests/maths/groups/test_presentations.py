import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from interpretable_arch.maths.groups.finite_groups import FiniteGroup, from_table, parse
from interpretable_arch.maths.groups.information_limit import (
    all_products,
    determines,
    fewest_products,
    random_share_that_presents,
)
from interpretable_arch.maths.groups.presentations import (
    coset_table,
    determined_table,
    presented_order,
)
from interpretable_arch.maths.groups.schur_multiplier import multiplier_rank


def part(group: FiniteGroup, count: int, seed: int) -> Tensor:
    products = all_products(group)
    return products[np.random.default_rng(seed).permutation(len(products))[:count]]


def slow_order(products: Tensor, letters: int) -> int | None:
    """|P| by sympy's own coset enumeration; None where it gives up."""
    from sympy.combinatorics.coset_table import CosetTable, coset_enumeration_r
    from sympy.combinatorics.fp_groups import FpGroup
    from sympy.combinatorics.free_groups import free_group

    free, *generators = free_group(",".join(f"x{i}" for i in range(letters)))
    relations = [
        generators[a] * generators[b] * generators[c] ** -1 for a, b, c in products.tolist()
    ]
    try:
        table = coset_enumeration_r(FpGroup(free, relations), [], max_cosets=300)
    except ValueError:
        return None
    assert isinstance(table, CosetTable)
    table.compress()
    return len(table.table)


@pytest.mark.parametrize("name", ["Z2", "Z5", "S3", "Z2xZ2xZ2", "Q8", "A4", "S4", "A5", "S3xD5"])
def test_the_whole_table_presents_the_group(name: str) -> None:
    group = parse(name)
    assert presented_order(all_products(group), group.order) == group.order
    fixed = determined_table(all_products(group), group.order)
    assert fixed is not None
    assert torch.equal(fixed, group.table)


@pytest.mark.parametrize(("name", "counts"), [("S3", range(6, 16, 3)), ("Q8", range(9, 22, 4))])
def test_parts_of_a_table_present_what_sympy_says(name: str, counts: range) -> None:
    group = parse(name)
    for count, seed in itertools.product(counts, range(3)):
        products = part(group, count, seed)
        slow = slow_order(products, group.order)
        fast = presented_order(products, group.order, 300)
        assert fast == slow, (count, seed)


def test_products_that_determine_leave_one_law_of_all_on_four_letters() -> None:
    """All 16 group laws on four letters, each tried against random parts of one table."""
    laws = set()
    for base, image in itertools.product(("Z4", "Z2xZ2"), itertools.permutations(range(4))):
        place, table = np.array(image), np.empty((4, 4), dtype=int)
        table[np.ix_(place, place)] = place[parse(base).table.numpy()]
        laws.add(tuple(table.flatten().tolist()))
    assert len(laws) == 16
    group, settled = parse("Z4"), 0
    for seed in range(40):
        products = part(group, 6, seed)
        agreeing = [
            law for law in laws if all(law[4 * a + b] == c for a, b, c in products.tolist())
        ]
        assert agreeing
        if determines(products, 4):
            settled += 1
            assert len(agreeing) == 1
            fixed = determined_table(products, 4)
            assert fixed is not None
            assert tuple(fixed.flatten().tolist()) == agreeing[0]
    assert settled > 5


def test_knowing_the_number_of_elements_may_say_more_than_the_presented_group() -> None:
    """1·1 = 0 leaves one law on two letters, but as a relation it presents the integers."""
    assert presented_order(torch.tensor([[1, 1, 0]]), 2) is None


@pytest.mark.parametrize(
    ("products", "letters", "order"),
    [
        ([[0, 0, 0]], 1, 1),
        ([[0, 0, 0], [1, 1, 0]], 2, 2),
        ([[0, 0, 0], [1, 1, 0], [1, 0, 0]], 2, 1),  # letters forced equal: collapse
        ([[0, 0, 0], [1, 2, 0], [1, 1, 2]], 3, 3),
        ([[0, 0, 0]], 2, None),  # the other letter is free
    ],
)
def test_tiny_presentations(products: list[list[int]], letters: int, order: int | None) -> None:
    assert presented_order(torch.tensor(products), letters) == order


def test_a_collapsed_group_on_as_many_letters_fixes_no_table() -> None:
    """Three letters of Z3, two of them one element: |P| = 3, and no law on the letters agrees."""
    products = torch.tensor([[0, 0, 2], [0, 1, 2], [2, 2, 0]])
    assert presented_order(products, 3) == 3
    assert determined_table(products, 3) is None


def test_the_coset_table_is_the_regular_action() -> None:
    group = parse("Dic3")
    places = coset_table(part(group, 60, 0), 12)
    assert places is not None
    assert all(sorted(places[:, a].tolist()) == list(range(12)) for a in range(12))
    for a, b in itertools.product(range(12), repeat=2):
        assert (places[places[:, a], b] == places[:, int(group.table[a, b])]).all()


def test_a_contradiction_collapses_and_a_foreign_letter_is_refused() -> None:
    group = parse("S3")
    spoilt = all_products(group)
    spoilt[7, 2] = (spoilt[7, 2] + 1) % 6
    found = presented_order(spoilt, 6)
    assert found is not None
    assert found < 6
    assert determined_table(spoilt, 6) is None
    with pytest.raises(ValueError, match=r"letters in 0\.\.5, got \(0, 0, 6\)"):
        presented_order(torch.tensor([[0, 0, 6]]), 6)


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("Z2", 0), ("Z6", 0), ("Z2xZ2", 1), ("Z2xZ2xZ2", 3), ("D4", 1), ("D5", 0), ("Q8", 0),
        ("Dic3", 0), ("A4", 1), ("S4", 1), ("Z3xZ3", 1), ("A5", 1), ("Z2xD4", 3), ("F21", 0),
    ],
)  # fmt: skip
def test_the_published_schur_multipliers(name: str, rank: int) -> None:
    """G. Karpilovsky, The Schur Multiplier (1987)."""
    assert multiplier_rank(parse(name)) == rank


@pytest.mark.parametrize("name", ["Z2", "Z5", "S3", "Q8", "Z2xZ2", "A4"])
def test_fewest_products_meet_the_bound_and_none_can_be_left_out(name: str) -> None:
    group = parse(name)
    fewest = fewest_products(group)
    assert fewest.bound == group.order + multiplier_rank(group)
    assert fewest.found == fewest.bound
    assert fewest.exact
    products = torch.tensor(fewest.products)
    assert determines(products, group.order)
    assert torch.equal(group.table[products[:, 0], products[:, 1]], products[:, 2])
    left = torch.ones(len(products), dtype=torch.bool)
    for i in range(len(products)):
        left[i] = False
        assert not determines(products[left], group.order)
        left[i] = True


def test_greedy_deletion_may_stop_above_the_bound() -> None:
    """None of these thirteen can be left out, and twelve others may do: a bound, not the answer."""
    fewest = fewest_products(parse("Dic3"))
    assert fewest.bound == 12
    assert (fewest.found, fewest.exact) == (13, False)


def test_random_shares_lie_between_the_fewest_products_and_all() -> None:
    group = parse("S3")
    share = random_share_that_presents(group, draws=10, seed=1)
    assert len(share.shares) == 10
    assert 6 / 36 <= share.lowest <= share.median <= share.highest <= 1
    assert share == random_share_that_presents(group, draws=10, seed=1)
    small = random_share_that_presents(parse("Z24"), draws=3)
    assert small.highest < 0.2


@pytest.mark.parametrize(("name", "draws", "words"), [("S3", 0, "draws"), ("Z1", 1, "group")])
def test_the_limit_refuses_nothing_to_do(name: str, draws: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fewest_products(parse(name), draws=draws)
    with pytest.raises(ValueError, match=words):
        random_share_that_presents(parse(name), draws=draws)


@pytest.mark.parametrize(
    ("products", "words"),
    [
        (torch.tensor([0, 0, 0]), r"wanted \[products, 3\], got \[3\]"),
        (torch.zeros(3, 2, dtype=torch.long), r"got \[3, 2\]"),
        (torch.tensor([[0.0, 0.5, 0.0]]), "whole numbers, got 0.5"),
        (torch.tensor([[0.0, math.nan, 0.0]]), "whole numbers, got nan"),
    ],
)
def test_what_is_no_list_of_products_is_refused(products: Tensor, words: str) -> None:
    for asked in (presented_order, determined_table):
        with pytest.raises(ValueError, match=words):
            asked(products, 2)


def test_one_element_needs_no_more_relations_than_letters() -> None:
    assert multiplier_rank(parse("Z1")) == 0


def test_a_large_group_is_refused_by_the_multiplier() -> None:
    with pytest.raises(ValueError, match="at most 128, got 200"):
        multiplier_rank(from_table(parse("Z200").table, "large"))
