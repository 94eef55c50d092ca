"""Stopped by Ctrl-C or an error between two updates: the same command goes on from there."""

import os
import signal
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from lightning.pytorch import Callback

from training.experiment import Experiment
from training.fit import fit
from training.plan import blocks_folder
from training.runs import experiment_folder

STEPS = 20


class Stop(Callback):
    """Raises, or presses Ctrl-C, once, at a step."""

    armed: ClassVar[bool] = True
    started_at: ClassVar[list[int]] = []

    def __init__(self, how: str, step: int) -> None:
        self.how, self.step = how, step

    def on_train_start(self, trainer, pl_module):
        Stop.started_at.append(trainer.global_step)

    def on_train_batch_end(self, trainer, *_, **__):
        if self.how == "raise":
            self._stop(trainer.global_step, KeyboardInterrupt)

    def on_before_backward(self, trainer, *_):
        if self.how == "press":
            self._stop(trainer.global_step + 1, None)

    def on_before_optimizer_step(self, trainer, *_):
        if self.how == "fail":
            self._stop(trainer.global_step + 1, ArithmeticError)

    def _stop(self, step: int, error: type[BaseException] | None) -> None:
        if Stop.armed and step == self.step:
            Stop.armed = False
            if error is not None:
                raise error
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def stopping(toy: Callable[..., Experiment], monkeypatch: pytest.MonkeyPatch):
    module = types.ModuleType("stopping")
    module.Stop = Stop
    monkeypatch.setitem(sys.modules, "stopping", module)
    monkeypatch.setattr(Stop, "started_at", [])
    # A process started in the background ignores Ctrl-C from birth; these tests press it.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)

    def make(how: str, step: int, seeds: int, dropout: float) -> Experiment:
        callback = {"class_path": "stopping.Stop", "init_args": {"how": how, "step": step}}
        settings = {"max_steps": STEPS, "evaluate_every": 7, "batch_size": 4}
        init_args = {"dropout": dropout}
        return toy(seeds=seeds, init_args=init_args, callbacks=[callback], **settings)

    yield make
    signal.signal(signal.SIGINT, inherited)


@pytest.mark.parametrize("how", ["raise", "press"])
@pytest.mark.parametrize(("step", "seeds", "dropout"), [(7, 3, 0), (8, 1, 0.3), (STEPS, 2, 0)])
def test_a_stopped_training_goes_on_exactly(
    stopping, tmp_path: Path, monkeypatch, how: str, step: int, seeds: int, dropout: float
) -> None:
    experiment = stopping(how, step, seeds, dropout)
    monkeypatch.setattr(Stop, "armed", False)
    whole = fit(experiment, tmp_path / "whole", progress=False)
    monkeypatch.setattr(Stop, "armed", True)
    with pytest.raises(KeyboardInterrupt):
        fit(experiment, tmp_path / "cut", progress=False)
    resumed = fit(experiment, tmp_path / "cut", progress=False)
    assert Stop.started_at == ([0, 0] if step == STEPS else [0, 0, step])
    for one, other in zip(resumed, whole, strict=True):
        assert one.metrics.equals(other.metrics)
        assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)


def test_within_an_update_there_is_nothing_whole_to_save(stopping, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(Stop, "armed", True)
    experiment = stopping("fail", 1, 2, 0)
    with pytest.raises(ArithmeticError):
        fit(experiment, tmp_path, progress=False)
    assert not list(blocks_folder(experiment_folder(tmp_path, experiment)).glob("*.safetensors"))
    assert len(fit(experiment, tmp_path, progress=False)) == 2
