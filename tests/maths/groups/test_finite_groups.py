import itertools
import re

import pytest
import torch

from interpretable_arch.maths.groups import finite_groups
from interpretable_arch.maths.groups.finite_groups import from_generators, from_table, parse

NAMES = ["S1", "S4", "A4", "A5", "Z12", "D1", "D2", "D5", "Q8", "Dic3", "F21", "S3xZ2", "Z2xZ2"]

# A Latin square with an identity in which (1·1)·2 differs from 1·(1·2).
LOOP = [
    [0, 1, 2, 3, 4],
    [1, 0, 3, 4, 2],
    [2, 4, 0, 1, 3],
    [3, 2, 4, 0, 1],
    [4, 3, 1, 2, 0],
]


@pytest.mark.parametrize("name", NAMES)
def test_every_named_group_obeys_the_laws_for_all_triples(name: str) -> None:
    group = parse(name)
    table, e = group.table, group.identity
    elements = torch.arange(group.order)
    assert torch.equal(table[table], table[:, table])
    assert torch.equal(table[e], elements)
    assert torch.equal(table[:, e], elements)
    assert (table[group.inverse, elements] == e).all()
    assert (table[elements, group.inverse] == e).all()


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_the_orbits_of_conjugation(name: str) -> None:
    group = parse(name)
    assert sorted(itertools.chain(*group.classes)) == list(range(group.order))
    assert group.classes[0] == (group.identity,)
    for index, members in enumerate(group.classes):
        assert (group.class_of[list(members)] == index).all()
        a = members[0]
        orbit = {int(group.table[group.table[x, a], group.inverse[x]]) for x in range(group.order)}
        assert orbit == set(members)


@pytest.mark.parametrize("name", NAMES)
def test_generators_reach_every_element(name: str) -> None:
    group = parse(name)
    reached = {group.identity}
    while True:
        grown = reached | {int(group.table[a, s]) for a in reached for s in group.generators}
        if grown == reached:
            break
        reached = grown
    assert reached == set(range(group.order))


@pytest.mark.parametrize(
    ("name", "order", "classes", "exponent"),
    [
        ("S4", 24, 5, 12),
        ("S5", 120, 7, 60),
        ("A5", 60, 5, 30),
        ("Z12", 12, 12, 12),
        ("D5", 10, 4, 10),
        ("Q8", 8, 5, 4),
        ("Dic3", 12, 6, 12),
        ("F21", 21, 5, 21),
        ("S3xZ2", 12, 6, 6),
        ("Z2xZ2", 4, 4, 2),
        ("Z2xZ2xZ3", 12, 12, 6),
        ("S3×Z2", 12, 6, 6),
    ],
)
def test_known_counts(name: str, order: int, classes: int, exponent: int) -> None:
    group = parse(name)
    assert (group.order, len(group.classes), group.exponent) == (order, classes, exponent)
    assert group.is_abelian == (classes == order)


def test_permutations_compose_from_the_right() -> None:
    group = finite_groups.symmetric(3)
    assert group.permutations is not None
    a, b = group.permutations.index((1, 0, 2)), group.permutations.index((0, 2, 1))
    assert group.permutations[int(group.table[a, b])] == (1, 2, 0)
    assert (group.labels[0], group.labels[a], group.labels[b]) == ("e", "(1 2)", "(2 3)")


def test_defining_relations() -> None:
    quaternion = finite_groups.quaternion()
    index = {label: k for k, label in enumerate(quaternion.labels)}
    for a, b, ab in [("i", "j", "k"), ("j", "k", "i"), ("k", "i", "j"), ("j", "i", "-k")]:
        assert int(quaternion.table[index[a], index[b]]) == index[ab]
    assert all(int(quaternion.table[index[a], index[a]]) == index["-1"] for a in "ijk")
    frobenius = finite_groups.frobenius21()
    x, y = frobenius.labels.index("x"), frobenius.labels.index("y")
    assert frobenius.labels[int(frobenius.table[y, x])] == "x^2y"
    dihedral = finite_groups.dihedral(5)
    assert dihedral.labels[int(dihedral.table[5, 1])] == "r^4s"


def test_generators_of_a_permutation_group_give_that_group() -> None:
    assert from_generators([(1, 0, 2), (1, 2, 0)], "S3") == finite_groups.symmetric(3)
    assert from_generators([(1, 2, 3, 0)], "four").order == 4


def test_a_table_as_a_list_or_a_tensor_is_the_same_group() -> None:
    rows = [[(a + b) % 5 for b in range(5)] for a in range(5)]
    assert from_table(rows, "Z5") == from_table(torch.tensor(rows), "Z5") == parse("Z5")
    assert hash(from_table(rows, "Z5")) == hash(parse("Z5"))
    assert from_table(rows, "Z5") != from_table(rows, "five")


def test_a_table_may_name_its_identity_late() -> None:
    relabel = [2, 0, 1]
    place = [relabel.index(k) for k in range(3)]
    rows = [[relabel[(place[a] + place[b]) % 3] for b in range(3)] for a in range(3)]
    assert from_table(rows).identity == 2


def test_a_loop_that_is_no_group_is_refused_with_a_triple_that_fails() -> None:
    with pytest.raises(ValueError, match="not associative at the triple") as raised:
        from_table(LOOP, "loop")
    text = str(raised.value)
    a, b, c = map(int, re.findall(r"\d+", text.split("= (", 1)[1].split(")", 1)[0]))
    left, right = LOOP[LOOP[a][b]][c], LOOP[a][LOOP[b][c]]
    assert left != right
    assert f"(a·b)·c = {left} but a·(b·c) = {right}" in text


def test_the_failing_triple_is_named_by_labels_too() -> None:
    with pytest.raises(ValueError, match=r"\(p\)") as raised:
        from_table(LOOP, "loop", labels=["e", "p", "q", "r", "s"])
    assert "(a·b)·c" in str(raised.value)


def test_every_changed_entry_of_a_true_table_is_found() -> None:
    table = parse("S3").table
    for a, b in itertools.product(range(6), repeat=2):
        wrong = table.clone()
        wrong[a, b] = (wrong[a, b] + 1) % 6
        with pytest.raises(ValueError, match="Latin square"):
            from_table(wrong)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([[0, 1], [1, 2]], r"1·1 = 2, wanted an element of 0\.\.1"),
        ([[0, 1], [1]], "row 1 has 1"),
        ([[0, 1], [1, 0.5]], "wanted integers, got 0.5"),
        ([], "square"),
        ([[0, 0], [1, 1]], r"holds 0 twice, 0·0 = 0·1 = 0"),
        ([[1, 0, 2], [0, 2, 1], [2, 1, 0]], "no identity"),
        (torch.zeros(2, 2), "wanted integers, got torch.float32"),
        (torch.zeros(2, 3, dtype=torch.long), r"square \[order, order\], got \[2, 3\]"),
    ],
)
def test_bad_tables_say_what_is_wrong(table: list[list[int]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_table(table)


def test_labels_must_be_different_and_enough() -> None:
    with pytest.raises(ValueError, match="labels of table: wanted 2 different ones, got 2, 1"):
        from_table([[0, 1], [1, 0]], labels=["a", "a"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("s4", "nearest: S4"),
        ("C12", "Z12"),
        ("Q7", "Q8"),
        ("S3xfoo", "'foo'"),
        ("Z0", "Z"),
        ("", "wanted S<n>"),
        ("S9", "at most 1000 elements, got 362880"),
        ("Z1001", "at most 1000"),
    ],
)
def test_unknown_names_name_the_nearest(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(name)


@pytest.mark.parametrize(
    ("generators", "words"),
    [
        ([], "at least one permutation"),
        ([(0, 0, 1)], r"permutations of 0\.\.2, got \(0, 0, 1\)"),
        ([(1, 0), (1, 0, 2)], r"permutations of 0\.\.1"),
        ([(1, 2, 3, 4, 5, 6, 0), (1, 0, 2, 3, 4, 5, 6)], "at most 1000"),
    ],
)
def test_bad_generators_say_what_is_wrong(generators: list[tuple[int, ...]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_generators(generators)


def test_families_refuse_an_empty_group() -> None:
    with pytest.raises(ValueError, match=r"cyclic\(n\): wanted n >= 1, got 0"):
        finite_groups.cyclic(0)
