"""Rows of symbols come out of every kind of file the same; what is none is refused by name."""

import math

import numpy as np
import pytest
import torch
from scipy.io import savemat

from training.data import build_task
from training.data.rows import Rows
from training.data.task import Split

TRAIN = np.array([[1, 2, 4, 2, 1, 1], [4, 4, 2, 1, 2, 4]])
HELD = np.array([[2, 1, 9, 1, 2, 1]])


def files(folder, kind: str) -> dict[str, str]:
    """The same rows in a file of this kind."""
    if kind == "mat":
        savemat(folder / "x.mat", {"data": {"a": TRAIN.astype(float), "b": np.tile(HELD, (2, 1))}})
        return {"path": str(folder / "x.mat"), "train": "data.a", "held_out": "data.b"}
    if kind == "npz":
        np.savez(folder / "x.npz", a=TRAIN, b=HELD)
        return {"path": str(folder / "x.npz"), "train": "a", "held_out": "b"}
    for name, rows in (("a", TRAIN), ("b", HELD)):
        if kind == "npy":
            np.save(folder / f"{name}.npy", rows)
        else:
            np.savetxt(folder / f"{name}.{kind}", rows, "%d", "," if kind == "csv" else " ")
    return {"path": str(folder), "train": f"a.{kind}", "held_out": f"b.{kind}"}


@pytest.mark.parametrize("kind", ["mat", "npz", "npy", "txt", "csv"])
def test_every_file_gives_the_same_rows(tmp_path, kind: str) -> None:
    task = build_task("symbol_rows", {**files(tmp_path, kind), "burn_in": 3})
    assert task.labels == ("1", "2", "4", "9")
    assert isinstance(task.train, Split)
    assert torch.equal(task.train.inputs[0], torch.tensor([0, 1, 2, 1, 0]))
    assert isinstance(task.held_out, Rows)
    assert torch.equal(task.held_out.targets[0], torch.tensor([-100, -100, 0, 1, 0]))
    assert task.held_out.to("cpu").burn_in == 3


def test_the_truth_of_a_known_process_is_read_from_columns(tmp_path) -> None:
    # State 0 shows symbol 1, state 1 symbol 2; from both the next state is 0 in 3 of 4 cases.
    names = {"T": np.array([[0.75, 0.75], [0.25, 0.25]]), "E": np.eye(2)}
    savemat(tmp_path / "x.mat", {"a": [[1, 2], [1, 2]], "b": [[1, 1, 2], [1, 1, 2]], **names})
    path = {"path": str(tmp_path / "x.mat"), "train": "a", "held_out": "b", "burn_in": 0}
    task = build_task("symbol_rows", {**path, "truth": ["T", "E"]})
    assert isinstance(task.held_out, Rows)
    assert task.held_out.truth == pytest.approx(-(math.log(0.75) + math.log(0.25)) / 2)
    with pytest.raises(ValueError, match="truth: wants two keys"):
        build_task("symbol_rows", {**path, "truth": ["T"]})


def test_mistakes_are_named(tmp_path) -> None:
    right = files(tmp_path, "mat")
    savemat(tmp_path / "half.mat", {"data": {"a": TRAIN / 2, "b": "text"}})
    half = str(tmp_path / "half.mat")
    (tmp_path / "ragged.txt").write_text("1 2\n1 2 3\n")
    for change, message in (
        ({"train": "data.c"}, "unknown 'c'"),
        ({"path": str(tmp_path / "y.mat")}, "no file or folder"),
        ({"path": str(tmp_path / "ragged.txt")}, "wants a .mat or .npz"),
        ({"path": str(tmp_path), "train": "z.npy"}, "there is no file"),
        ({"path": str(tmp_path), "train": "ragged.txt"}, "of one length"),
        ({"path": half}, "wants whole numbers"),
        ({"path": half, "train": "data.b"}, "wants rows of numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            build_task("symbol_rows", {**right, **change})


def test_one_row_of_a_mat_file_is_one_row(tmp_path) -> None:
    savemat(tmp_path / "x.mat", {"a": TRAIN[:1], "d": {"b": HELD}})
    options = {"path": str(tmp_path / "x.mat"), "train": "a", "held_out": "d.b", "burn_in": 0}
    held_out = build_task("symbol_rows", options).held_out
    assert isinstance(held_out, Rows)
    assert held_out.inputs.tolist() == [[1, 0, 3, 0, 1]]


def test_the_truth_is_of_the_symbols_in_the_file(tmp_path) -> None:
    """Of symbols 1 to 4 the third never stands: the fourth must not be taken for it."""
    emission = np.array([[0.5], [0.25], [0.0], [0.25]])
    rows = {"a": [[1, 2, 4, 1]], "b": [[1, 4, 1, 2]]}
    path = tmp_path / "x.mat"
    options = {"path": str(path), "train": "a", "held_out": "b", "burn_in": 0}
    savemat(path, {**rows, "T": [[1.0]], "E": emission})
    task = build_task("symbol_rows", {**options, "truth": ["T", "E"]})
    assert isinstance(task.held_out, Rows)
    assert task.held_out.truth == pytest.approx(math.log(32) / 3)
    for table, message in (
        (np.full((3, 1), 1 / 3), "1 to 4, got 3 rows"),
        (np.full((5, 1), 0.2), "1 to 4, got 5 rows"),
        (np.array([[0.5], [0.5], [0.0], [0.0]]), "every held-out row can occur, got a loss of"),
        (np.full((4, 1), np.nan), "emission: wants finite"),
    ):
        savemat(path, {**rows, "T": [[1.0]], "E": table})
        with pytest.raises(ValueError, match=message):
            build_task("symbol_rows", {**options, "truth": ["T", "E"]})


@pytest.mark.parametrize("bad", [np.inf, np.nan, 1e30, -(2.0**53)])
def test_numbers_that_are_no_symbols_are_refused(tmp_path, bad: float) -> None:
    np.savez(tmp_path / "x.npz", a=TRAIN * 1.0, b=[[1.0, 2.0, bad]])
    options = {"path": str(tmp_path / "x.npz"), "train": "a", "held_out": "b", "burn_in": 0}
    with pytest.raises(ValueError, match="b: wants whole numbers"):
        build_task("symbol_rows", options)


def test_the_burn_in_leaves_something(tmp_path) -> None:
    options = {**files(tmp_path, "mat"), "burn_in": 6, "truth": ["data.a", "data.b"]}
    with pytest.raises(ValueError, match="burn_in: wants 0 to 5"):
        build_task("symbol_rows", options)


def test_files_that_cannot_be_read_are_named(tmp_path) -> None:
    right = files(tmp_path, "mat")
    np.savez(tmp_path / "objects.npz", a=np.array([None, "x"], dtype=object), b=HELD)
    np.save(tmp_path / "objects.npy", np.array([None], dtype=object))
    for name in ("bad.mat", "bad.npz", "bad.npy"):
        (tmp_path / name).write_bytes(b"no such thing as this" * 20)
    for change, message in (
        ({"train": "data.a.x"}, "x.mat: data.a.x: nothing lies below the array 'data.a'"),
        ({"path": str(tmp_path / "bad.mat")}, "bad.mat: data.a: wants arrays of numbers"),
        ({"path": str(tmp_path / "bad.npz"), "train": "a"}, "bad.npz: a: wants arrays"),
        ({"path": str(tmp_path / "objects.npz"), "train": "a"}, "objects.npz: a: wants arrays"),
        ({"path": str(tmp_path / "objects.npz"), "train": "c"}, "unknown 'c'"),
        ({"path": str(tmp_path), "train": "bad.npy"}, "bad.npy: wants arrays"),
        ({"path": str(tmp_path), "train": "objects.npy"}, "objects.npy: wants arrays"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            build_task("symbol_rows", {**right, **change})
        assert "allow_pickle" not in str(caught.value)
