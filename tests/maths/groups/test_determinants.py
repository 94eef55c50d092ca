"""Determinants from shown products: against permutation matrices, and by trying all signs."""

import itertools

import pytest
import torch

from interpretable_arch.maths.groups.determinants import (
    MOST_FREE,
    determinant_candidates,
    settled_determinants,
)
from interpretable_arch.maths.groups.finite_groups import parse

# By their Sylow 2-subgroup, where it is not trivial; Z3 and F21 have none.
CYCLIC = ("Z2", "Z4", "S3", "D5", "Z12", "Dic3", "Z16", "Z24", "S3xZ3")
OTHERS = ("Z3", "Z2xZ2", "Q8", "D4", "A4", "D6", "D8", "Dic4", "F21", "S4", "A5")


def regular_determinants(name: str) -> tuple[int, ...]:
    table = parse(name).table
    eye = torch.eye(len(table), dtype=torch.float64)
    return tuple(int(d) for d in torch.linalg.det(eye[table]).round().tolist())


def whole(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    table = parse(name).table
    n = len(table)
    return torch.cartesian_prod(torch.arange(n), torch.arange(n)), table.flatten()


@pytest.mark.parametrize("name", CYCLIC + OTHERS)
def test_a_whole_table_leaves_the_determinants_of_its_permutation_matrices(name):
    pairs, products = whole(name)
    found = determinant_candidates(pairs, products, parse(name).order)
    assert found == (regular_determinants(name),)
    assert (-1 in found[0]) == (name in CYCLIC)


@pytest.mark.parametrize("name", ["S3", "D5", "Z12", "S4", "Dic3"])
def test_a_part_that_fixes_the_table_is_enough(name):
    pairs, products = whole(name)
    some = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0))
    some = some[: round(0.75 * len(pairs))]
    found = determinant_candidates(pairs[some], products[some], parse(name).order)
    assert found == (regular_determinants(name),)


def test_what_a_few_products_leave_open_is_what_all_signs_allow():
    """Order 6, where 2 divides once: the homomorphisms to +-1 with three of each, by trying all."""
    pairs, products = whole("S3")
    few = torch.tensor([7, 14, 22, 29])
    pairs, products = pairs[few], products[few]
    by_hand = {
        s
        for s in itertools.product((1, -1), repeat=6)
        if sum(s) == 0
        and all(s[a] * s[b] == s[c] for (a, b), c in zip(pairs.tolist(), products, strict=True))
    }
    found = determinant_candidates(pairs, products, 6)
    assert set(found) == by_hand
    assert len(found) == len(by_hand) > 1
    assert regular_determinants("S3") in by_hand


def test_trap_a_part_of_the_four_group_may_belong_to_no_cyclic_one():
    """e.e, e.a, a.e, a.a, a.b, b.a of Z2xZ2 fit Z4's signs too: all +1, the truth, stays open."""
    pairs = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1], [1, 2], [2, 1]])
    found = determinant_candidates(pairs, torch.tensor([0, 1, 1, 0, 3, 3]), 4)
    assert found == ((1, 1, -1, -1), (1, 1, 1, 1))
    assert settled_determinants(pairs, torch.tensor([0, 1, 1, 0, 3, 3]), 4) == (1, 1, 1, 1)


@pytest.mark.parametrize("name", ["Z2xZ2", "Z4", "D6", "D8", "A4", "Z12", "S3", "Z2xZ4"])
@pytest.mark.parametrize("share", [0.06, 0.1, 0.2, 0.4])
def test_signs_that_are_settled_are_the_groups_own(name, share):
    pairs, products = whole(name)
    order, wanted = parse(name).order, regular_determinants(name)
    for seed in range(15):
        some = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))
        some = some[: round(share * len(pairs))]
        found = determinant_candidates(pairs[some], products[some], order)
        assert found is None or wanted in found
        assert settled_determinants(pairs[some], products[some], order) in (wanted, (1,) * order)


def test_more_choices_than_are_written_out_are_told_as_open():
    none = torch.empty(0, 2, dtype=torch.long)
    order = 2 * (MOST_FREE + 1)
    assert determinant_candidates(none, none[:, 0], order) is None
    assert settled_determinants(none, none[:, 0], order) == (1,) * order


def test_products_that_contradict_each_other_leave_all_one():
    pairs = torch.tensor([[0, 0], [0, 1], [1, 1], [1, 1]])
    assert determinant_candidates(pairs, torch.tensor([0, 1, 0, 1]), 2) == ((1, 1),)


def test_elements_outside_are_refused():
    with pytest.raises(ValueError, match="products: wanted elements of"):
        determinant_candidates(torch.tensor([[0, 3]]), torch.tensor([0]), 3)
