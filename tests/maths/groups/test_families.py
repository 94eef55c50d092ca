import itertools

import numpy as np
import pytest
import torch

from interpretable_arch.maths.groups.families import name_of, named_groups, up_to_isomorphism
from interpretable_arch.maths.groups.finite_groups import FiniteGroup, from_table, parse
from interpretable_arch.maths.groups.group_law import products_of
from interpretable_arch.maths.groups.isomorphism import fingerprint, isomorphism, short_generators


def shuffled(group: FiniteGroup, seed: int = 0) -> FiniteGroup:
    place = np.random.default_rng(seed).permutation(group.order)
    table = np.empty((group.order, group.order), dtype=int)
    table[np.ix_(place, place)] = place[group.table.numpy()]
    return from_table(torch.from_numpy(table), "shuffled")


@pytest.mark.parametrize("name", ["Z2", "S3", "Q8", "Z2xZ2xZ2", "A4", "F21", "S4", "Z4xD4", "A5"])
def test_an_isomorphism_is_found_and_is_one(name: str) -> None:
    group = parse(name)
    other = shuffled(group)
    f = isomorphism(group, other)
    assert f is not None
    assert sorted(f.tolist()) == list(range(group.order))
    images = torch.from_numpy(f)
    assert torch.equal(images[group.table], other.table[images[:, None], images])


@pytest.mark.parametrize(
    ("one", "other"),
    [("D4", "Q8"), ("Z4", "Z2xZ2"), ("Z2xZ8", "Z4xZ4"), ("S3", "Z6"), ("Z4xZ4", "Z2xQ8")],
)
def test_groups_that_are_not_isomorphic_are_told_apart(one: str, other: str) -> None:
    assert isomorphism(parse(one), parse(other)) is None


def test_groups_with_one_fingerprint_need_the_search() -> None:
    """Z4 : Z4 and Z2xQ8 share orders and classes."""

    def law(a: int, b: int) -> int:  # element 4 k + m is x^k y^m, with y x = x^-1 y
        (k, m), (i, j) = divmod(a, 4), divmod(b, 4)
        return 4 * ((k + (i if m % 2 == 0 else -i)) % 4) + (m + j) % 4

    semidirect = from_table([[law(a, b) for b in range(16)] for a in range(16)], "Z4:Z4")
    alike = [n for n in named_groups(16) if fingerprint(parse(n)) == fingerprint(semidirect)]
    assert all(isomorphism(semidirect, parse(name)) is None for name in alike)
    assert name_of(semidirect) is None


def test_short_generators_generate() -> None:
    for name, most in (("Z60", 1), ("S4", 2), ("Z2xZ2xZ2", 3), ("A5", 2), ("D8", 2)):
        group = parse(name)
        chosen = short_generators(group)
        assert len(chosen) <= most
        assert bool(products_of(group.table, group.identity, chosen).all())


def test_the_list_up_to_order_eight_is_that_of_all_groups_of_two_factors() -> None:
    """Every group up to order 8 but Z2xZ2xZ2, which has three factors."""
    assert named_groups(8) == (
        "Z2", "Z3", "Z4", "Z2xZ2", "Z5", "Z6", "S3", "Z7", "Z8", "Q8", "D4", "Z2xZ4"
    )  # fmt: skip


def test_the_list_up_to_sixty_holds_each_group_once() -> None:
    names = named_groups()
    assert len(names) == 144
    groups = [parse(name) for name in names]
    assert [g.order for g in groups] == sorted(g.order for g in groups)
    assert {"S3", "S4", "A4", "Z24", "Q8", "Dic15", "S3xD5", "Z5xA4", "D8"} <= set(names)
    for order in (8, 12, 16, 24, 36, 48):
        same = [g for g in groups if g.order == order]
        pairs = itertools.combinations(same, 2)
        assert all(isomorphism(a, b) is None for a, b in pairs)


def test_copies_are_dropped_and_the_first_name_stays() -> None:
    assert up_to_isomorphism(["D3", "S3", "Z6", "Z2xZ3", "Dic2", "Q8"]) == ("D3", "Z6", "Dic2")


@pytest.mark.parametrize(
    ("name", "known"),
    [("Z3xZ4xZ5", "Z60"), ("A5", "A5"), ("Z2xZ2xZ2", "Z2xZ2xZ2"), ("D3xZ2", "D6"), ("Z1", "Z1")],
)
def test_a_table_is_named_by_its_class(name: str, known: str) -> None:
    assert name_of(shuffled(parse(name))) == known


def test_an_order_without_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="most_order: wanted at least 2, got 1"):
        named_groups(1)
