"""A run written and read back is the same run, and any damage is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
import torch
from toy_models import Pairs

from training.atomic import DiskFullError
from training.block import untied_state
from training.data import build_task
from training.experiment import Experiment, Seed
from training.runs import (
    CHECKSUMS,
    Run,
    RunError,
    current_versions,
    find_runs,
    load_run,
    run_model,
    save_run,
    seed_folder,
)

METRICS = pyarrow.table(
    {
        "step": [0, 5],
        "train_loss": [1.5, float("nan")],
        "held_out_loss": [1.75, 0.1],
        "held_out_accuracy": [0.0, 1.0],
    }
)
FILES = ["config.json", "versions.json", "labels.json", "metrics.parquet", "weights.safetensors"]


@pytest.fixture
def run(toy: Callable[..., Experiment]) -> Run:
    return Run(
        experiment=toy(seeds=[4, {"init": 1, "order": 2, "noise": 3}]),
        seed=Seed(1, 2, 3),
        status="diverged",
        metrics=METRICS,
        weights=untied_state(Pairs(5, 5).double()),
        seconds=1.25,
        versions=current_versions(),
        labels=("<a>", "é", "\n", "3", "4"),
        diverged_at=5,
        origin={"data": "1f"},
    )


def test_round_trip(tmp_path: Path, run: Run) -> None:
    folder = save_run(tmp_path, run)
    assert folder.name == "seed-1-2-3"
    assert sorted(p.name for p in folder.iterdir()) == sorted([*FILES, CHECKSUMS])
    assert not any((folder / name).read_bytes()[:2] == b"\x80\x04" for name in FILES)
    read = load_run(folder)
    same = (
        "experiment",
        "seed",
        "status",
        "seconds",
        "versions",
        "labels",
        "diverged_at",
        "origin",
    )
    assert all(getattr(read, name) == getattr(run, name) for name in same)
    assert str(read.metrics.to_pydict()) == str(METRICS.to_pydict())
    assert all(torch.equal(read.weights[name], run.weights[name]) for name in run.weights)
    assert list(find_runs(tmp_path, run.experiment)) == [run.seed]


def test_the_model_of_a_run_is_the_model_with_tied_weights(tmp_path: Path, run: Run) -> None:
    task = build_task(run.experiment.task.class_path, run.experiment.task.init_args)
    model = run_model(load_run(save_run(tmp_path, run)), task)
    assert model.unembed.weight is model.embed.weight
    torch.testing.assert_close(untied_state(model), dict(run.weights), rtol=0, atol=0)


def test_weights_of_another_architecture_are_refused(run: Run) -> None:
    task = build_task(run.experiment.task.class_path, run.experiment.task.init_args)
    weights = {k: v for k, v in run.weights.items() if k != "mix.bias"} | {"new": torch.ones(1)}
    with pytest.raises(RunError, match=r"wants \['mix.bias'\] besides.*\['new'\]"):
        run_model(Run(**{**vars(run), "weights": weights}), task)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_named(tmp_path: Path, run: Run, name: str) -> None:
    path = save_run(tmp_path, run) / name
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match=name):
        find_runs(tmp_path, run.experiment)


@pytest.mark.parametrize("name", [*FILES, CHECKSUMS])
def test_a_missing_file_is_named(tmp_path: Path, run: Run, name: str) -> None:
    folder = save_run(tmp_path, run)
    (folder / name).unlink()
    with pytest.raises(RunError, match=f"{name}: missing"):
        load_run(folder)


def test_a_run_of_another_format_says_both_versions(tmp_path: Path, run: Run) -> None:
    folder = save_run(tmp_path, run)
    versions = json.loads((folder / "versions.json").read_text())
    (folder / "versions.json").write_text(json.dumps({**versions, "format": 99}))
    with pytest.raises(RunError, match="run format 99, this program reads format 2"):
        load_run(folder)


def test_a_run_is_never_overwritten(tmp_path: Path, run: Run) -> None:
    save_run(tmp_path, run)
    with pytest.raises(RunError, match="exists already"):
        save_run(tmp_path, run)


def test_a_full_disk_leaves_no_partial_run(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFullError, match="free some space and start again"):
        save_run(tmp_path, run)
    assert not list(seed_folder(tmp_path, run.experiment, run.seed).parent.iterdir())
