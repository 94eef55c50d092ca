from pathlib import Path

import pytest
import torch

from interpretable_arch.maths.groups.finite_groups import parse
from training.data import build_task
from training.data.group_table import unknown_table
from training.data.task import Split, Task

TABLE = [[0, 1, 2], [1, None, 0], [-1, 0, 1]]


def rows(split: object) -> list[tuple[int, int, int]]:
    assert isinstance(split, Split)
    return [(a, b, int(c)) for (a, b), c in zip(split.inputs.tolist(), split.targets, strict=True)]


def known(task: Task) -> list[tuple[int, int, int]]:
    return sorted({*rows(task.train), *rows(task.held_out)})


def test_holes_are_neither_trained_on_nor_scored() -> None:
    task = unknown_table(table=TABLE, share=0.6)
    assert known(task) == [
        (0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 0, 1), (1, 2, 0), (2, 1, 0), (2, 2, 1)
    ]  # fmt: skip
    assert not set(rows(task.train)) & set(rows(task.held_out))
    assert task.group is None
    assert task.dimensions["order"] == task.outputs == 3
    assert task.name == "operation on 3 elements, 7 of 9 products known"


def test_all_shown_is_scored_on_what_is_shown() -> None:
    task = unknown_table(table=TABLE, share=1.0)
    assert rows(task.train) == rows(task.held_out) == known(task)


def test_an_operation_that_is_no_group_is_taken_as_it_is() -> None:
    minus = [[(a - b) % 4 for b in range(4)] for a in range(4)]
    assert len(known(unknown_table(table=minus))) == 16


@pytest.mark.parametrize("hole", ["", "null", "-1", " "])
def test_a_file_reads_as_the_table(hole: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"0,1,2\n1,{hole},0\n{hole},0,1\n")
    assert known(unknown_table(path=str(path))) == known(unknown_table(table=TABLE))


def test_a_file_may_use_labels(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("e,a\na,e\n")
    task = unknown_table(path=str(path), labels=["e", "a"], share=0.5)
    assert known(task) == [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    assert task.labels == ("e", "a")


def test_repeats_count_once_and_are_told() -> None:
    products = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 0, 1], [0, 0, 0]]
    task = unknown_table(products=products, share=0.7)
    assert len(known(task)) == 3
    assert "2 given again" in task.name


def test_contradictions_are_refused_or_kept_as_shown() -> None:
    products = [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0], [1, 1, 1]]
    with pytest.raises(ValueError, match="1·1 is 0 and 1"):
        unknown_table(products=products)
    task = unknown_table(products=products, contradictions="keep", share=0.7)
    assert {(1, 1, 0), (1, 1, 1)} <= set(rows(task.train))
    assert all(p[:2] != (1, 1) for p in rows(task.held_out))
    assert "1 contradicted" in task.name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "wants one of them, got 0"),
        ({"table": TABLE, "path": "x.csv"}, "wants one of them, got 2"),
        ({"table": [[0, 1], [1]]}, "wants 2 entries in each row, got 1 in row 1"),
        ({"table": []}, "at least one row"),
        ({"table": [[0, 2], [1, 0]]}, r"0·1 = 2"),
        ({"table": [[0, -3], [1, 0]]}, r"0·1 = -3"),
        ({"table": [[None, -1], [None, None]]}, "got only holes"),
        ({"products": [[0, 0]]}, r"got \[0, 0\]"),
        ({"products": [[0, 0, -1]]}, r"got \[0, 0, -1\]"),
        ({"products": [[0, 0, 2]], "labels": ["e", "a"]}, r"0\.\.1, got \[0, 0, 2\]"),
        ({"products": []}, "only holes"),
        ({"table": TABLE, "labels": ["e", "a"]}, "wants 3 different ones"),
        ({"table": TABLE, "labels": ["e", "a", "a"]}, "wants 3 different ones"),
        ({"path": "/nowhere.csv"}, "wants a CSV file"),
        ({"table": TABLE, "share": 1.5}, "between 0 and 1"),
        ({"products": [[0, 0, 0], [0, 0, 1]], "contradictions": "keep"}, "nothing contradicts"),
        ({"products": []}, "products: wants at least one"),
        ({"products": [[0, 0, 0]], "contradictions": "refused"}, "refuse or keep, got 'refused'"),
        ({"products": [[0, 0, 10**6]]}, "at most 1000 elements, got 1000001"),
    ],
)
def test_mistakes_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        unknown_table(**arguments)


@pytest.mark.parametrize(("text", "words"), [("0,x\n1,0\n", "row 0, column 1, got 'x'")])
def test_a_file_of_something_else_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        unknown_table(path=str(path))


def test_yaml_reaches_it_with_nulls_and_refuses_another_choice() -> None:
    table = parse("S3").table.tolist()
    table[2][3] = None
    task = build_task("unknown_table", {"table": table, "share": 0.8})
    assert len(known(task)) == 35
    with pytest.raises(ValueError, match="contradictions"):
        build_task("unknown_table", {"table": table, "contradictions": "average"})


def test_the_split_is_a_function_of_its_seed() -> None:
    one, same, other = (unknown_table(table=TABLE, share=0.5, split_seed=s) for s in (1, 1, 2))
    assert rows(one.train) == rows(same.train)
    assert rows(one.train) != rows(other.train)
    assert torch.equal(one.probe.inputs, same.probe.inputs)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"table": [["e", "a"], ["a", "e"]], "labels": ["e", "a"]}, "element numbers .*got 0·0"),
        ({"table": [None, [0, 1]]}, "got None as row 0"),
        ({"table": [[0.0, 1.0], [1.0, 0.5]]}, "element numbers"),
        ({"products": [[0, 0, 0], [0, 1, 1.5]]}, "element numbers"),
        ({"products": [["a", "b", "a"]], "labels": ["a", "b"]}, "element numbers"),
        ({"products": [None]}, "element numbers, got None"),
    ],
)
def test_what_is_no_element_number_is_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        unknown_table(**arguments)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (",0,1,2\n0,0,1,2\n1,1,,0\n2,,0,1\n", None),
        ("\ufeff0,1,2\n1,,0\n,0,1\n", None),
        ("0,1,2\n1,,0\n,0,1\n , , \n,,\n\n", None),
        (",e,a,b\ne,e,a,b\na,a,,e\nb,,e,a\n", ["e", "a", "b"]),
    ],
)
def test_headers_marks_and_blank_lines_are_no_products(
    text: str, labels: list[str] | None, tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    task = unknown_table(path=str(path), labels=labels)
    assert known(task) == known(unknown_table(table=TABLE))


@pytest.mark.parametrize("text", [",1,2\n1,2,0\n2,0,1\n", ",0,1\n0,1,2\n1,2,0\n"])
def test_a_hole_at_the_first_product_is_no_header(text: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    assert len(known(unknown_table(path=str(path)))) == 8


def test_a_row_of_holes_stays(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("0,1,2\n,,\n2,0,1\n")
    assert {a for a, _, _ in known(unknown_table(path=str(path)))} == {0, 2}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (",1,0\n1,0,1\n0,1,0\n", "repeat the elements 0, 1, got 1, 0 and 1, 0"),
        (",1,2\n1,1,2\n2,2,1\n", "repeat the elements 0, 1, got 1, 2 and 1, 2"),
        (",0,1\n1,0,1\n0,1,0\n", "got 0, 1 and 1, 0"),
    ],
)
def test_a_header_of_other_elements_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        unknown_table(path=str(path))


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("\u00e9,a\na,\u00e9\n".encode("latin-1"))
    with pytest.raises(ValueError, match="wants text in UTF-8"):
        unknown_table(path=str(path), labels=["\u00e9", "a"])


def test_the_shown_products_hand_over_their_determinants() -> None:
    task = unknown_table(table=parse("S3").table.tolist(), share=0.9)
    orders = parse("S3").element_orders.tolist()
    assert task.dimensions["determinants"] == tuple(-1 if o == 2 else 1 for o in orders)
