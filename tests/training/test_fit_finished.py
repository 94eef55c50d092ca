"""`finished`: called once for each block, with whole runs, outside of the training's settings."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.experiment import Experiment
from training.fit import fit
from training.plan import blocks_folder
from training.runs import Run, experiment_folder, seed_folder

Toy = Callable[..., Experiment]


def test_each_block_is_told_with_all_runs_so_far(toy: Toy, tmp_path: Path) -> None:
    told: list[list[str]] = []

    def finished(runs: tuple[Run, ...]) -> None:
        assert all(seed_folder(tmp_path, r.experiment, r.seed).exists() for r in runs)
        told.append([str(run.seed) for run in runs])

    fit(toy(seeds=[4]), tmp_path, progress=False, finished=finished)
    fit(toy(seeds=[3, 4, 5], block=1), tmp_path, progress=False, finished=finished)
    fit(toy(seeds=[3, 4, 5], block=1), tmp_path, progress=False, finished=finished)
    assert told == [["4-4-4"], ["3-3-3", "4-4-4"], ["3-3-3", "4-4-4", "5-5-5"]]


def test_a_callers_code_runs_under_a_callers_settings(toy: Toy, tmp_path: Path) -> None:
    seen = []

    def finished(_: tuple[Run, ...]) -> None:
        seen.append((torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()))
        torch.rand(3)

    before = (torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled())
    settings = {"block": 1, "batch_size": 4, "init_args": {"dropout": 0.3}, "precision": "32"}
    disturbed = fit(toy(**settings), tmp_path / "a", progress=False, finished=finished)
    assert seen == [before] * 3
    alone = fit(toy(**settings), tmp_path / "b", progress=False)
    for one, other in zip(disturbed, alone, strict=True):
        assert all(torch.equal(one.weights[k], other.weights[k]) for k in one.weights)


def test_what_it_raises_ends_the_call_and_loses_nothing(toy: Toy, tmp_path: Path) -> None:
    def stop(runs: tuple[Run, ...]) -> None:
        raise KeyboardInterrupt

    experiment = toy(block=2, checkpoint_every=5)
    with pytest.raises(KeyboardInterrupt):
        fit(experiment, tmp_path, progress=False, finished=stop)
    folder = experiment_folder(tmp_path, experiment)
    assert len(list(folder.glob("seed-*"))) == 1  # three seeds in blocks of at most two: one, two
    assert not list(blocks_folder(folder).glob("*.safetensors"))
    assert len(fit(experiment, tmp_path, progress=False)) == 3


def test_combined_runs_are_told_one_by_one(toy: Toy, tmp_path: Path) -> None:
    mapping = toy(seeds=2).to_mapping() | {
        "combine": {"class_path": "best_of", "init_args": {"members": 2}}
    }
    told: list[int] = []
    fit(
        Experiment.from_mapping(mapping),
        tmp_path,
        progress=False,
        finished=lambda runs: told.append(len(runs)),
    )
    assert told == [1, 2]
