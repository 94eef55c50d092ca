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
    savemat(tmp_path / "half.mat", {"data": {"a": TRAIN / 2, "b": np.arange(3.0)}})
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
