"""Killed at any moment and started again: the same bits as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import training.fit
from training.checkpoint import SafetensorsIO
from training.experiment import Experiment
from training.fit import fit
from training.plan import blocks_folder
from training.runs import Run, RunError, experiment_folder

Toy = Callable[..., Experiment]
DROPOUT = {"init_args": {"dropout": 0.2}, "batch_size": 4, "evaluate_every": 7}


def assert_same_bits(ours: tuple[Run, ...], theirs: tuple[Run, ...]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert one.metrics.equals(other.metrics)
        assert one.weights.keys() == other.weights.keys()
        assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)


@pytest.mark.parametrize("block", [1, 3])
@pytest.mark.parametrize("precision", ["32", "64"])
def test_an_interrupted_training_goes_on_exactly(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, precision: str
) -> None:
    settings = {"max_steps": 40, "checkpoint_every": 9, "precision": precision, **DROPOUT}
    if block > 1:  # dropout is trained one seed at a time
        settings["init_args"] = {}
    experiment = toy(block=block, seeds=block, **settings)
    whole = fit(experiment, tmp_path / "whole", progress=False)
    save = SafetensorsIO.save_checkpoint

    def save_and_die(self: SafetensorsIO, *arguments: object, **options: object) -> None:
        save(self, *arguments, **options)
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(SafetensorsIO, "save_checkpoint", save_and_die)
        for _ in range(4):  # steps 9, 18, 27, 36
            with pytest.raises(InterruptedError):
                fit(experiment, tmp_path / "cut", progress=False)
    resumed = fit(experiment, tmp_path / "cut", progress=False)
    assert_same_bits(resumed, whole)
    folder = experiment_folder(tmp_path / "cut", experiment)
    assert not list(blocks_folder(folder).glob("*.safetensors"))


def test_a_killed_process_resumes_exactly(toy: Toy, tmp_path: Path) -> None:
    experiment = toy(max_steps=300, checkpoint_every=15, **DROPOUT)
    arguments = [sys.executable, "-c", _FIT, str(experiment.to_mapping()), str(tmp_path / "cut")]
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parents[1]}"}
    process = subprocess.Popen(arguments, env=environment)
    blocks = blocks_folder(experiment_folder(tmp_path / "cut", experiment))
    deadline = time.monotonic() + 120
    while not list(blocks.glob("*.safetensors")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert list(blocks.glob("*.safetensors"))
    resumed = fit(experiment, tmp_path / "cut", progress=False)
    assert_same_bits(resumed, fit(experiment, tmp_path / "whole", progress=False))


_FIT = """
import ast, sys
from training.experiment import Experiment
from training.fit import fit
fit(Experiment.from_mapping(ast.literal_eval(sys.argv[1])), sys.argv[2], progress=False)
"""


def test_an_interrupted_block_keeps_its_seeds(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer seeds asked for leaves the checkpoint alone; all of them take it up again."""
    settings = {"checkpoint_every": 5, "block": "auto"}
    with monkeypatch.context() as patch:
        patch.setattr("training.fit.save_run", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(toy(seeds=3, **settings), tmp_path, progress=False)
    blocks = blocks_folder(experiment_folder(tmp_path, toy(**settings)))
    (left,) = blocks.glob("*.safetensors")
    fit(toy(seeds=1, **settings), tmp_path, progress=False)
    assert left.exists()
    trained = []
    original = training.fit.train_block
    monkeypatch.setattr(
        training.fit, "train_block", lambda e, p, *a: trained.append(p) or original(e, p, *a)
    )
    assert len(fit(toy(seeds=3, **settings), tmp_path, progress=False)) == 3
    assert [p.checkpoint for p in trained] == [left]
    assert not left.exists()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_in_the_middle_stays_a_keyboard_interrupt(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("training.module.BlockModule.training_step", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(toy(), tmp_path, progress=False)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_damaged_checkpoint_is_named(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("training.fit.save_run", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(toy(checkpoint_every=5), tmp_path, progress=False)
    (path,) = blocks_folder(experiment_folder(tmp_path, toy(checkpoint_every=5))).glob("*.safe*")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match=f"{path.name}: changed since it was written; delete it"):
        fit(toy(checkpoint_every=5), tmp_path, progress=False)
