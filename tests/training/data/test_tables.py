"""Tables: scikit-learn's own and a user's csv, split by their seed; every mistake named."""

import pytest
import torch

from training.data import build_task
from training.data.tables import check_finite, tables
from training.data.task import Split, Task


def parts(task: Task) -> tuple[Split, Split]:
    """The training and the held-out rows."""
    assert isinstance(task.train, Split)
    assert isinstance(task.held_out, Split)
    return task.train, task.held_out


@pytest.mark.parametrize(
    ("source", "train", "features", "labels"),
    [
        ("breast_cancer", 427, 30, ("malignant", "benign")),
        ("wine", 134, 13, ("class_0", "class_1", "class_2")),
        ("iris", 112, 4, ("setosa", "versicolor", "virginica")),
    ],
)
def test_tables_of_scikit_learn_with_classes(source, train, features, labels):
    task = tables(source)
    assert len(task.train) == train
    assert task.labels == labels
    assert task.dimensions == {"features": features, "outputs": len(labels)}
    assert len(task.features) == features
    assert parts(task)[0].inputs.dtype == torch.float64
    assert task.unit == "nats"


def test_a_table_of_scikit_learn_with_values():
    task = tables("diabetes")
    assert task.features[:3] == ("age", "sex", "bmi")
    assert parts(task)[0].targets.shape == (332, 1)
    assert task.unit == "mean squared error"


def test_standardising_uses_the_training_rows_alone():
    task = tables("wine", 0.5, standardised=True)
    torch.testing.assert_close(
        parts(task)[0].inputs.mean(0), torch.zeros(13).double(), atol=1e-9, rtol=0
    )
    squares = parts(task)[0].inputs.square().mean(0)
    torch.testing.assert_close(squares, torch.ones(13).double())
    assert float(parts(task)[1].inputs.mean(0).abs().max()) > 1e-3


def test_the_split_is_fixed_by_its_seed():
    first, again, other = (parts(tables("wine", split_seed=s))[0].inputs for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def written(tmp_path, text: str) -> str:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


ROWS = "".join(f"{i},{i % 3},{'yes' if i % 2 else 'no'},{i / 7}\n" for i in range(12))
GOOD = "height, width ,answer,size\n" + ROWS


def test_a_csv_with_classes(tmp_path):
    task = tables(
        csv=written(tmp_path, GOOD.replace("answer,size\n", "answer,size\n\n")), target="answer"
    )
    assert task.features == ("height", "width", "size")
    assert task.labels == ("no", "yes")
    assert len(task.train) + len(task.held_out) == 12
    assert task.name.startswith("table.csv, 12 rows of 3 features")
    height = parts(task)[0].inputs[:, 0].long()
    assert torch.equal(parts(task)[0].targets, height % 2)


def test_a_csv_with_values_and_with_numbers_as_classes(tmp_path):
    path = written(tmp_path, GOOD.replace("yes", "1").replace("no", "0"))
    values = tables(csv=path, target="size")
    assert values.labels == ("size",)
    assert parts(values)[0].targets.shape == (9, 1)
    assert tables(csv=path, target="width").labels == ("0", "1", "2")
    assert tables(csv=path, target="width", predict="values").labels == ("width",)
    assert len(tables(csv=path, target="size", predict="classes").labels) == 12


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        (GOOD, None, "target: wants the column to predict, one of height, width, answer, size"),
        (GOOD, "answr", "target: unknown 'answr'; did you mean 'answer'"),
        (GOOD, "size", r"category as columns of 0 and 1\) in row 1, column 'answer', got 'no'"),
        (GOOD.replace("width", "height"), "answer", "different name for each column, got 'height'"),
        (GOOD.replace(" width ", ""), "answer", "a name for each column, got none for 2"),
        (GOOD + "1,2,yes\n", "answer", "wants 4 cells in row 13, got 3"),
        (GOOD + "1,,yes,2\n", "answer", "wants a number in row 13, column 'width', got ''"),
        (GOOD + "1,nan,yes,2\n", "answer", "a finite number in row 13, column 'width', got 'nan'"),
        (GOOD + "1,inf,yes,2\n", "answer", "a finite number in row 13, column 'width', got 'inf'"),
        (GOOD + "1,2,,2\n", "answer", "wants a target in row 13, column 'answer', got none"),
        ("answer\nyes\nno\n", "answer", "wants a feature beside the target"),
        ("a,answer\n1,yes\n2,yes\n", "answer", "at least two classes, got 'yes' in every row"),
        ("a,answer\n", "answer", "wants a line of names and rows after it, got 1 lines"),
        ("", "answer", "got 0 lines"),
    ],
)
def test_mistakes_in_a_csv_are_named(tmp_path, text, target, message):
    with pytest.raises(ValueError, match=message):
        tables(csv=written(tmp_path, text), target=target)


def test_other_mistakes_are_named(tmp_path):
    with pytest.raises(ValueError, match="source: unknown 'breast'; did you mean 'breast_cancer'"):
        tables("breast")
    with pytest.raises(ValueError, match="target: wants a csv"):
        tables("wine", target="hue")
    with pytest.raises(ValueError, match="csv: can't read"):
        tables(csv=str(tmp_path / "none.csv"), target="a")
    with pytest.raises(ValueError, match="share"):
        tables("iris", share=1.0)
    with pytest.raises(ValueError, match="tables"):
        build_task("tables", {"sources": "iris"})


def test_a_cell_that_is_not_finite_is_named_by_row_and_column():
    rows = torch.zeros(3, 2).double()
    rows[1, 1] = float("nan")
    with pytest.raises(ValueError, match="got nan in row 2, column 'b'"):
        check_finite(rows, ("a", "b"))


NUMBERS = "a,y\n" + "".join(f"{i},{i * 0.37}\n" for i in range(30))


@pytest.mark.parametrize("cell", ["NaN", "NA", "inf", "1O.5"])
def test_numbers_with_a_cell_that_is_none_are_no_classes(tmp_path, cell):
    path = written(tmp_path, NUMBERS + f"31,{cell}\n")
    with pytest.raises(ValueError, match=f"row 31, column 'y', like most rows, got '{cell}'"):
        tables(csv=path, target="y")
    assert cell in tables(csv=path, target="y", predict="classes").labels


def test_one_number_spelled_twice_is_one_class(tmp_path):
    path = written(tmp_path, "a,y\n1,1\n2,1.0\n3,2\n4,2.0\n5,10\n")
    task = tables(csv=path, target="y", share=0.6)
    assert task.labels == ("1", "2", "10")


def test_the_mark_at_the_start_of_a_saved_sheet_is_no_name(tmp_path):
    path = written(tmp_path, "\ufeffy,a\n1,2\n0,3\n1,4\n0,2\n")
    assert tables(csv=path, target="y").features == ("a",)


def test_what_to_predict_is_checked(tmp_path):
    with pytest.raises(ValueError, match="predict: unknown 'valeus'; did you mean 'values'"):
        tables(csv=written(tmp_path, GOOD), target="size", predict="valeus")
