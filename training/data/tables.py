"""Tables: rows of named numbers, with a class or a value to predict.

"breast_cancer" (569 rows, 30 features, malignant or benign: Street, Wolberg, Mangasarian 1993),
"wine" (178, 13, three cultivars), "iris" (150, 4, three species) and "diabetes" (442, 10, a
progression to predict: Efron et al. 2004) lie within scikit-learn; `csv` reads a table of one's
own, whose first line names the columns.
"""

import csv as csv_reader
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.registry import nearest
from training.data.task import Split, Task, split_examples

KINDS = ("auto", "classes", "values")
Table = tuple[np.ndarray, np.ndarray, tuple[str, ...], tuple[str, ...]]
MOST_CLASSES = 20


def tables(
    source: str = "breast_cancer",
    share: float = 0.75,
    split_seed: int = 0,
    standardised: bool = False,
    csv: str | None = None,
    target: str | None = None,
    predict: str = "auto",
) -> Task:
    """Rows of features, a random `share` of them to train on, with the class or value of each.

    `csv`, a path, stands in for `source`; `target` names its column to predict. A target of text,
    or of at most 20 different whole numbers, is of "classes" where `predict` is "auto", any other
    of "values"; numbers with a few cells that are none are refused there. Classes that are numbers
    are told apart by their values: 1 and 1.0 are one. `standardised` features have mean 0 and
    variance 1 over the training rows; one that does not vary there is only centred. Raises
    ValueError for an unknown source, column or `predict`, names that repeat, and for a cell that is
    no finite number, naming its row and column.
    """
    if predict not in KINDS:
        raise ValueError(nearest("predict", predict, KINDS))
    if csv is None:
        if source not in SOURCES:
            raise ValueError(nearest("source", source, SOURCES))
        if target is not None:
            raise ValueError(f"target: wants a csv, got {target!r} for the source {source!r}")
        name, table = source, SOURCES[source]()
    else:
        name, table = Path(csv).name, _read_csv(Path(csv), target, predict)
    return _task(name, table, share, split_seed, standardised)


def _task(name: str, table: Table, share: float, split_seed: int, standardised: bool) -> Task:
    rows, answers, features, labels = table
    inputs = torch.as_tensor(rows, dtype=torch.float64)
    check_finite(inputs, features)
    train, held_out = split_examples(inputs, torch.as_tensor(answers), share, split_seed)
    values = train.targets.is_floating_point()
    if standardised:
        mean, size = train.inputs.mean(0), train.inputs.std(0, correction=0)
        size = torch.where(size > 0, size, 1.0)
        train = Split((train.inputs - mean) / size, train.targets)
        held_out = Split((held_out.inputs - mean) / size, held_out.targets)
    return Task(
        name=f"{name}, {len(inputs)} rows of {len(features)} features, {share:.3g} trained on",
        train=train,
        held_out=held_out,
        outputs=len(labels),
        labels=labels,
        dimensions={"features": len(features), "outputs": len(labels)},
        unit="mean squared error" if values else "nats",
        features=features,
    )


def check_finite(rows: Float[Tensor, "row feature"], features: Sequence[str]) -> None:
    """ValueError for the first cell that is NaN or infinite, by row (from 1) and column."""
    wrong = (~rows.isfinite()).nonzero()
    if len(wrong):
        row, column = wrong[0].tolist()
        got = f"{float(rows[row, column])} in row {row + 1}, column {features[column]!r}"
        raise ValueError(f"table: wants finite numbers, got {got}")


def _read_csv(path: Path, target: str | None, predict: str) -> Table:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv_reader.reader(file) if line]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"csv: can't read {str(path)!r} ({error})") from error
    if len(lines) < 2:
        raise ValueError(f"csv: wants a line of names and rows after it, got {len(lines)} lines")
    names, *rows = lines
    names = [n.strip() for n in names]
    _check_names(names, target)
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise ValueError(f"csv: wants {len(names)} cells in row {number}, got {len(row)}")
    at = names.index(str(target))
    features = tuple(n for i, n in enumerate(names) if i != at)
    cells = [
        [_number(cell, number, names[i]) for i, cell in enumerate(row) if i != at]
        for number, row in enumerate(rows, 1)
    ]
    answers, labels = _answers([row[at].strip() for row in rows], str(target), predict)
    return np.array(cells, dtype=float).reshape(len(rows), -1), answers, features, labels


def _check_names(names: Sequence[str], target: str | None) -> None:
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise ValueError(f"csv: wants a different name for each column, got {repeated[0]!r} again")
    if "" in names:
        raise ValueError(f"csv: wants a name for each column, got none for {names.index('') + 1}")
    if target is None:
        raise ValueError(f"target: wants the column to predict, one of {', '.join(names)}")
    if target not in names:
        raise ValueError(nearest("target", target, names))
    if len(names) < 2:
        raise ValueError(f"csv: wants a feature beside the target {target!r}, got none")


def _number(cell: str, row: int, column: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        wanted = (
            "a number (encode a category as columns of 0 and 1)" if cell.strip() else "a number"
        )
        raise ValueError(
            f"csv: wants {wanted} in row {row}, column {column!r}, got {cell!r}"
        ) from None
    if not math.isfinite(value):
        raise ValueError(
            f"csv: wants a finite number in row {row}, column {column!r}, got {cell!r}"
        )
    return value


def _answers(cells: Sequence[str], target: str, predict: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class of each row and their names in order, or the values [row, 1] and one name."""
    for number, cell in enumerate(cells, 1):
        if not cell:
            raise ValueError(f"csv: wants a target in row {number}, column {target!r}, got none")
    if predict == "auto":
        predict = "classes" if _names_classes(cells, target) else "values"
    if predict == "values":
        numbers = [_number(c, n, target) for n, c in enumerate(cells, 1)]
        return np.array(numbers, dtype=float)[:, None], (target,)
    spelled = {_key(c): c for c in sorted(set(cells), key=lambda c: (-len(c), c))}
    keys = sorted(spelled)
    if len(keys) < 2:
        raise ValueError(f"target: wants at least two classes, got {cells[0]!r} in every row")
    place = {key: i for i, key in enumerate(keys)}
    answers = np.array([place[_key(c)] for c in cells], dtype=np.int64)
    return answers, tuple(spelled[key] for key in keys)


def _key(cell: str) -> tuple[int, float, str]:
    """What tells classes apart, in order: numbers by value, then text."""
    return (0, float(cell), "") if _is_number(cell) else (1, 0.0, cell)


def _names_classes(cells: Sequence[str], target: str) -> bool:
    """ValueError where most cells are numbers and some are not: no choice of names looks so."""
    others = [n for n, c in enumerate(cells, 1) if not _is_number(c)]
    if 0 < len(others) < len(cells) / 2:
        wanted = f"a finite number in row {others[0]}, column {target!r}, like most rows"
        got = f"{cells[others[0] - 1]!r} (predict: classes would take it as a name)"
        raise ValueError(f"csv: wants {wanted}, got {got}")
    if others:
        return True
    values = {float(c) for c in cells}
    return len(values) <= MOST_CLASSES and all(v.is_integer() for v in values)


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _packaged(loader: str) -> Callable[[], Table]:
    def load() -> Table:
        from sklearn import datasets

        found = getattr(datasets, loader)()
        features = tuple(str(n) for n in found.feature_names)
        if hasattr(found, "target_names"):
            labels = tuple(str(n) for n in found.target_names)
            return (
                np.asarray(found.data),
                np.asarray(found.target, dtype=np.int64),
                features,
                labels,
            )
        values = np.asarray(found.target, dtype=float)[:, None]
        return np.asarray(found.data), values, features, ("target",)

    return load


SOURCES: Mapping[str, Callable[[], Table]] = {
    name: _packaged(f"load_{name}") for name in ("breast_cancer", "wine", "iris", "diabetes")
}
