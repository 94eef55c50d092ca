import itertools

import numpy as np
import pytest
import torch

from interpretable_arch.maths.groups.all_laws import (
    all_laws,
    fewest_among_all_laws,
    random_share_among_all_laws,
)
from interpretable_arch.maths.groups.finite_groups import from_table, parse
from interpretable_arch.maths.groups.information_limit import (
    fewest_products,
    random_share_that_presents,
)


@pytest.mark.parametrize(
    ("order", "count"), [(1, 1), (2, 2), (3, 3), (4, 16), (5, 30), (6, 480), (7, 840)]
)
def test_laws_are_counted_by_the_automorphisms(order: int, count: int) -> None:
    """n! / |Aut G|, summed over the groups of the order, each table once and a group's."""
    laws = all_laws(order)
    assert len(laws) == len(np.unique(laws.reshape(count, -1), axis=0)) == count
    for law in laws[:: max(1, count // 20)]:
        from_table(torch.from_numpy(law.astype(np.int64)))


def slow_fewest(name: str) -> int:
    """Every set of cells, tried against every law."""
    table, laws = parse(name).table.numpy(), all_laws(parse(name).order)
    cells = list(itertools.product(range(len(table)), repeat=2))
    for size in range(len(cells) + 1):
        for some in itertools.combinations(cells, size):
            if sum(all(law[c] == table[c] for c in some) for law in laws) == 1:
                return size
    raise AssertionError(name)


@pytest.mark.parametrize("name", ["Z1", "Z2", "Z3", "Z4", "Z2xZ2", "Z5"])
def test_the_fewest_are_those_of_all_sets(name: str) -> None:
    found = fewest_among_all_laws(parse(name))
    assert found.exact
    assert found.found == slow_fewest(name)


@pytest.mark.parametrize(
    ("name", "fewest"), [("Z2", 1), ("Z3", 1), ("Z5", 2), ("S3", 3), ("Z7", 3)]
)
def test_fewer_products_leave_one_law_than_present_the_group(name: str, fewest: int) -> None:
    """The trap: the bound of the products that present a group is none for those that fix it."""
    group = parse(name)
    found = fewest_among_all_laws(group)
    assert (found.found, found.exact) == (fewest, True)
    assert fewest < fewest_products(group, draws=1).bound
    agrees = np.ones(len(all_laws(group.order)), dtype=bool)
    for a, b, c in found.products:
        assert int(group.table[a, b]) == c
        agrees &= all_laws(group.order)[:, a, b] == c
    assert agrees.sum() == 1


def test_random_shares_lie_below_those_that_present_the_group() -> None:
    among = random_share_among_all_laws(parse("S3"), draws=50)
    assert among.median < random_share_that_presents(parse("S3")).median
    assert 3 / 36 <= among.lowest <= among.highest <= 1
    assert random_share_among_all_laws(parse("Z2")).median == 0.25


def test_larger_orders_and_no_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="order: wanted 1 to 8, got 9"):
        fewest_among_all_laws(parse("Z9"))
    with pytest.raises(ValueError, match="draws: wanted at least 1, got 0"):
        random_share_among_all_laws(parse("Z3"), draws=0)
