import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from interpretable_arch.maths.groups.consistent_part import consistent_part
from interpretable_arch.maths.groups.families import name_of
from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.maths.groups.operation import (
    operation_defect,
    table_of,
)

MINUS = torch.tensor([[(a - b) % 5 for b in range(5)] for a in range(5)])  # a quasigroup
TIMES = torch.tensor([[(a * b) % 6 for b in range(6)] for a in range(6)])  # a monoid
NO_IDEMPOTENT = torch.tensor([[(a + 1) % 3] * 3 for a in range(3)])


def spoilt(name: str, share: float, seed: int) -> Tensor:
    table, rng = parse(name).table.clone(), np.random.default_rng(seed)
    order = len(table)
    for i in rng.permutation(order**2)[: round(share * order**2)].tolist():
        a, b = divmod(i, order)
        table[a, b] = (table[a, b] + int(rng.integers(1, order))) % order
    return table


def slow_not_associative(table: Tensor) -> tuple[int, int]:
    T, judged, wrong = table.tolist(), 0, 0
    for a, b, c in itertools.product(range(len(T)), repeat=3):
        if T[a][b] < 0 or T[b][c] < 0:
            continue
        left, right = T[T[a][b]][c], T[a][T[b][c]]
        judged += left >= 0 and right >= 0
        wrong += left >= 0 and right >= 0 and left != right
    return judged, wrong


@pytest.mark.parametrize("name", ["Z1", "S3", "Q8", "A4", "F21"])
def test_a_group_breaks_nothing(name: str) -> None:
    defect = operation_defect(parse(name).table)
    assert defect.is_group
    assert (defect.share, defect.broken, defect.sentences()) == (0.0, 0, ())
    assert defect.identity == parse(name).identity


def test_a_quasigroup_has_a_latin_square_and_one_sided_identity() -> None:
    defect = operation_defect(MINUS)
    assert not defect.is_group
    assert defect.repeating_rows == defect.repeating_columns == ()
    assert (defect.left_identities, defect.right_identities) == ((), (0,))
    assert defect.identity is None
    assert defect.share == pytest.approx(100 / 125)  # (a-b)-c = a-(b-c) only where 2c = 0
    assert defect.triple == (0, 0, 1)


def test_a_monoid_is_associative_with_an_identity_and_no_latin_square() -> None:
    defect = operation_defect(TIMES)
    assert (defect.not_associative, defect.identity) == (0, 1)
    assert defect.repeating_rows == (0, 2, 3, 4)
    assert "rows 0, 2, 3, 4" in defect.sentences()[0]


@pytest.mark.parametrize("seed", range(4))
def test_counts_agree_with_every_triple_looked_at(seed: int) -> None:
    table = spoilt("Q8", 0.1, seed)
    holes = torch.rand(8, 8, generator=torch.Generator().manual_seed(seed)) < 0.2
    for shown in (table, table.masked_fill(holes, -1)):
        defect = operation_defect(shown)
        assert (defect.judged, defect.not_associative) == slow_not_associative(shown)
        assert defect.holes == int((shown < 0).sum())


def test_holes_of_a_group_break_no_law() -> None:
    table = parse("S4").table.clone()
    table[torch.rand(24, 24, generator=torch.Generator().manual_seed(0)) < 0.4] = -1
    defect = operation_defect(table)
    assert defect.broken == 0
    assert not defect.is_group
    assert int((table >= 0).sum()) == 576 - defect.holes


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (torch.tensor([[0, 2], [1, 0]]), "0·1 = 2"),
        (torch.tensor([[0, -2], [1, 0]]), "0·1 = -2"),
        (torch.zeros(2, 3, dtype=torch.long), "square"),
        (torch.tensor([[0.0, 1.5], [1.0, 0.25]]), "whole numbers, got 1.5"),
        (torch.tensor([[0.0, float("nan")], [1.0, 0.0]]), "whole numbers, got nan"),
    ],
)
def test_what_is_no_table_is_refused(table: Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        operation_defect(table)


def test_a_list_of_products_with_a_contradiction() -> None:
    table, against = table_of(torch.tensor([[0, 0, 0], [0, 1, 1], [0, 1, 0], [0, 0, 0]]), 2)
    assert table.tolist() == [[0, 1], [-1, -1]]
    assert against.tolist() == [False, False, True, False]


@pytest.mark.parametrize("product", [[0, 0, 99], [-1, 0, 0], [0, 5, 0]])
def test_a_list_of_products_of_foreign_elements_is_refused(product: list[int]) -> None:
    with pytest.raises(ValueError, match=r"elements of 0\.\.1, got"):
        table_of(torch.tensor([[0, 0, 0], product]), 2)


def slow_largest(table: Tensor) -> int:
    """Every subset, tried."""
    order = len(table)
    for size in range(order, 0, -1):
        for inside in itertools.combinations(range(order), size):
            part = table[torch.tensor(inside)][:, torch.tensor(inside)].tolist()
            place = {a: i for i, a in enumerate(inside)}
            if all(x in place for row in part for x in row):
                small = torch.tensor([[place[x] for x in row] for row in part])
                if operation_defect(small).is_group:
                    return size
    return 0


@pytest.mark.parametrize("seed", range(6))
def test_the_largest_part_is_that_of_all_subsets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    group = spoilt("Z2xZ4", 0.08, seed)
    wild = torch.from_numpy(rng.integers(0, 6, (6, 6)))
    for table in (group, wild, TIMES, MINUS):
        found = consistent_part(table)
        assert found.largest
        assert len(found.elements) == slow_largest(table)


@pytest.mark.parametrize(
    ("table", "elements", "name"),
    [
        (
            torch.tensor([[(a * b) % 7 for b in range(7)] for a in range(7)]),
            tuple(range(1, 7)),
            "Z6",
        ),
        (MINUS, (0,), "Z1"),
        (NO_IDEMPOTENT, (), None),
        (parse("S4").table, tuple(range(24)), "S4"),
    ],
)
def test_known_parts(table: Tensor, elements: tuple[int, ...], name: str | None) -> None:
    found = consistent_part(table)
    assert (found.elements, found.largest) == (elements, True)
    assert (None if found.group is None else name_of(found.group)) == name


def test_one_wrong_entry_of_s4_leaves_a_subgroup() -> None:
    """The largest subgroups without the entry's pair: A4 has order 12, and (row, column) is odd."""
    group = parse("S4")
    a, b = group.labels.index("(1 2)"), group.labels.index("(1 2 3 4)")
    table = group.table.clone()
    table[a, b] = int(table[a, b] + 1) % 24
    found = consistent_part(table)
    assert found.largest
    assert found.group is not None
    assert name_of(found.group) == "A4"


def test_s4_with_a_tenth_wrong_has_a_small_group_left() -> None:
    found = consistent_part(spoilt("S4", 0.1, 0))
    assert found.largest
    assert 1 <= len(found.elements) <= 6


def test_a_search_cut_short_says_so() -> None:
    found = consistent_part(spoilt("Z2xS4", 0.02, 0), closures=3)
    assert not found.largest


def test_a_hole_is_no_product() -> None:
    table = parse("Z6").table.clone()
    table[1, 1] = -1
    found = consistent_part(table)
    assert found.elements == (0, 2, 4)
