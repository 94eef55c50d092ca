"""Repeats of a seed: trained again by themselves, kept apart, resumed exactly; the floor."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import training.fit
from training.checkpoint import checkpoint_seeds
from training.combine.members import member_seeds
from training.experiment import Experiment, Seed
from training.fit import fit
from training.plan import blocks_folder, plan
from training.runs import CHECKSUMS, Run, experiment_folder, load_run, seed_folder

Toy = Callable[..., Experiment]
TWICE = {"init": 3, "repeat": 2}


def bits(run: Run) -> list[list[float]]:
    return [tensor.flatten().tolist() for _, tensor in sorted(run.weights.items())]


def test_a_repeat_is_planned_alone_and_after_the_others(toy: Toy, tmp_path: Path) -> None:
    experiment = toy(seeds=TWICE, block=2)
    blocks = plan(experiment, experiment.seeds, tmp_path, lambda _: 1)
    assert [len(block.seeds) for block in blocks] == [1, 2, 1, 1, 1]
    assert [seed.repeat for block in blocks for seed in block.seeds] == [0, 0, 0, 1, 1, 1]
    assert len({block.checkpoint for block in blocks}) == 5
    only = [seed for seed in experiment.seeds if seed.repeat]
    assert len(plan(replace(experiment, seeds=tuple(only)), only, tmp_path, lambda _: 1)) == 3


def test_a_repeat_is_really_trained_again(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, original = [], training.fit.train_block
    monkeypatch.setattr(
        training.fit, "train_block", lambda e, p, *a: trained.append(p.seeds) or original(e, p, *a)
    )
    experiment = toy(seeds=TWICE, batch_size=4)
    runs = {run.seed: run for run in fit(experiment, tmp_path, progress=False)}
    assert sorted(seed for seeds in trained for seed in seeds) == sorted(experiment.seeds)
    for init in range(3):
        one, again = runs[Seed(init, 0, 0)], runs[Seed(init, 0, 0, 1)]
        torch.testing.assert_close(dict(one.weights), dict(again.weights), rtol=1e-9, atol=1e-9)
    names = {place.name for place in experiment_folder(tmp_path, experiment).glob("seed-*")}
    assert names == {f"seed-{i}-0-0{end}" for i in range(3) for end in ("", "-r1")}
    assert [run.seed for run in fit(experiment, tmp_path, progress=False)] == list(runs)
    assert len(trained) == 4


def test_without_a_stack_the_floor_is_that_of_the_machine(toy: Toy, tmp_path: Path) -> None:
    dropout = {"init_args": {"dropout": 0.3}, "batch_size": 4, "block": 1}
    one, other, again = fit(
        toy(seeds=[Seed(1, 1, 1).to_mapping(), 2, Seed(1, 1, 1, 1).to_mapping()], **dropout),
        tmp_path,
        progress=False,
    )
    assert bits(one) == bits(again) != bits(other)


def test_an_interrupted_repeat_goes_on_exactly(toy: Toy, tmp_path: Path, interrupt) -> None:
    settings = {"seeds": TWICE, "batch_size": 4, "checkpoint_every": 4}
    interrupt(at=7, where=lambda module: module.seeds[0].repeat == 1)
    with pytest.raises(KeyboardInterrupt):
        fit(toy(**settings), tmp_path / "cut", progress=False)
    (left,) = blocks_folder(experiment_folder(tmp_path / "cut", toy(**settings))).glob(
        "*.safetensors"
    )
    assert checkpoint_seeds(left) == [[0, 0, 0, 1]]
    cut = fit(toy(**settings), tmp_path / "cut", progress=False)
    whole = fit(toy(**settings), tmp_path / "whole", progress=False)
    assert [bits(run) for run in cut] == [bits(run) for run in whole]
    assert not left.exists()


def test_a_run_folder_from_before_repeats_is_read(toy: Toy, tmp_path: Path) -> None:
    (run,) = fit(toy(seeds=1), tmp_path, progress=False)
    folder = seed_folder(tmp_path, run.experiment, run.seed)
    assert folder.name == "seed-0-0-0"
    config = json.loads((folder / "config.json").read_text())
    assert config["seed"] == config["experiment"]["seeds"][0] == {"init": 0, "order": 0, "noise": 0}
    del config["experiment"]["shuffled_seeds"]
    _rewrite(folder, config)
    assert load_run(folder).experiment == run.experiment
    assert len(fit(toy(seeds=1), tmp_path, progress=False)) == 1


def _rewrite(folder: Path, config: dict) -> None:
    content = json.dumps(config).encode()
    (folder / "config.json").write_bytes(content)
    sums = json.loads((folder / CHECKSUMS).read_text())
    sums["config.json"] = hashlib.sha256(content).hexdigest()
    (folder / CHECKSUMS).write_text(json.dumps(sums))


def test_members_of_a_repeat_are_the_same_members_repeated() -> None:
    first, again = member_seeds(Seed(1, 2, 3), 3), member_seeds(Seed(1, 2, 3, 1), 3)
    assert again == tuple(replace(seed, repeat=1) for seed in first)
