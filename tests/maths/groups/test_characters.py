import numpy as np
import pytest
import sympy
import torch

from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.cyclotomic import powers
from interpretable_arch.maths.groups.finite_groups import from_table, parse
from interpretable_arch.maths.groups.young import character, partitions

NAMES = ["S1", "S2", "S4", "S5", "A4", "A5", "Z7", "Z12", "D5", "D8", "Q8", "Dic3", "F21"]
NAMES += ["S3xZ2", "Z2xZ2", "S3xS3", "Q8xZ3"]


@pytest.mark.parametrize("name", NAMES)
def test_rows_and_columns_are_orthogonal(name: str) -> None:
    group = parse(name)
    table = character_table(group)
    sizes = torch.tensor([float(len(c)) for c in group.classes])
    rows = torch.einsum("ac,c,bc->ab", table.values, sizes.to(torch.cdouble), table.values.conj())
    wanted = group.order * torch.eye(len(sizes), dtype=torch.cdouble)
    torch.testing.assert_close(rows, wanted)
    columns = torch.einsum("ra,rb->ab", table.values, table.values.conj())
    torch.testing.assert_close(columns, torch.diag(group.order / sizes).to(torch.cdouble))


@pytest.mark.parametrize("name", NAMES)
def test_dimensions_and_indicators_count_elements_and_square_roots(name: str) -> None:
    group = parse(name)
    table = character_table(group)
    assert sum(d * d for d in table.dimensions) == group.order
    squares = group.table.diagonal()
    roots = int((squares == group.identity).sum())
    assert sum(d * v for d, v in zip(table.dimensions, table.indicators, strict=True)) == roots
    numeric = table.on_elements[:, squares].mean(dim=1)
    torch.testing.assert_close(numeric, torch.tensor(table.indicators, dtype=torch.cdouble))
    assert table.names[0] in ("1a", f"({len((group.permutations or [()])[0])})")


@pytest.mark.parametrize("name", ["S4", "A5", "Z7", "Z12", "D5", "D7", "Q8", "F21", "Dic3"])
def test_exact_values_equal_the_numbers_and_are_exactly_orthogonal(name: str) -> None:
    group = parse(name)
    table = character_table(group)
    for row, irreducible in zip(table.values, table.names, strict=True):
        exact = table.exact(irreducible)
        found = torch.tensor([complex(sympy.N(x, 20)) for x in exact], dtype=torch.cdouble)
        torch.testing.assert_close(found, row)
    if group.exponent <= 4:
        norm = sum(len(c) * abs(x) ** 2 for c, x in zip(group.classes, exact, strict=True))
        assert sympy.simplify(norm) == group.order


def test_the_integers_behind_the_table_of_s3() -> None:
    table = character_table(parse("S3"))
    assert table.names == ("(3)", "(1,1,1)", "(2,1)")
    assert table.exact("(2,1)") == (2, 0, -1)
    values = table.eigenvalues.numpy() @ powers(6)
    assert values[..., 0].tolist() == [[1, 1, 1], [1, -1, 1], [2, 0, -1]]


def test_the_published_table_of_a5() -> None:
    """Serre 1977, exercise 18.6; classes by element order 1, 2, 3, 5, 5."""
    table = character_table(parse("A5"))
    golden = (1 + sympy.sqrt(5)) / 2
    assert table.names == ("1a", "3a", "3b", "4a", "5a")
    assert table.exact("4a") == (4, 0, 1, -1, -1)
    assert table.exact("5a") == (5, 1, -1, 0, 0)
    for name in ("3a", "3b"):
        one, two, three, *five = table.exact(name)
        assert (one, two, three) == (3, -1, 0)
        assert {sympy.expand(x) for x in five} == {sympy.expand(golden), sympy.expand(1 - golden)}


def test_the_published_table_of_f21() -> None:
    table = character_table(parse("F21"))
    root = (-1 + sympy.sqrt(7) * sympy.I) / 2
    assert table.dimensions == (1, 1, 1, 3, 3)
    assert {sympy.expand(x) for x in table.exact("3a")[3:]} == {
        sympy.expand(root),
        sympy.expand(sympy.conjugate(root)),
    }


def test_types_are_told_apart() -> None:
    assert character_table(parse("Z3")).types == ("real", "complex", "complex")
    assert character_table(parse("Q8")).types == ("real",) * 4 + ("quaternionic",)
    assert character_table(parse("D4")).types == ("real",) * 5
    # D4 and Q8 share their character values: only the indicator separates them.
    d4, q8 = character_table(parse("D4")).values, character_table(parse("Q8")).values
    rows = [sorted(sorted(row) for row in x.real.round(decimals=9).tolist()) for x in (d4, q8)]
    assert rows[0] == rows[1]


def test_symmetric_groups_are_named_by_partitions() -> None:
    table = character_table(parse("S5"))
    assert set(table.names) == {
        "(5)", "(4,1)", "(3,2)", "(3,1,1)", "(2,2,1)", "(2,1,1,1)", "(1,1,1,1,1)"
    }  # fmt: skip
    assert table.exact("(4,1)")[0] == 4
    swap = table.group.labels.index("(1 2)")
    assert table.on_elements[table.index("(4,1)"), swap].item() == pytest.approx(2)


def test_murnaghan_nakayama_rows_are_orthonormal() -> None:
    shapes = list(partitions(6))
    assert [character(s, (1,) * 6) for s in shapes] == [1, 5, 9, 10, 5, 16, 10, 5, 9, 5, 1]
    table = np.array([[character(s, t) for t in shapes] for s in shapes])
    found = np.abs(np.linalg.det(table.astype(float)))
    wanted = np.prod([np.prod(np.array(t, dtype=float)) for t in shapes])
    assert found == pytest.approx(wanted)  # |det| of the table is the product of all parts


def test_names_do_not_depend_on_where_the_table_came_from() -> None:
    group = parse("F21")
    again = from_table(group.table, "F21", group.labels)
    assert character_table(group) is character_table(again)


def test_an_unknown_irreducible_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="wanted one of 1a, 1b, 1c, got '2a'"):
        character_table(parse("Z3")).index("2a")
