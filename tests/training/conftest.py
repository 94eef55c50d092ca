"""Experiments on a table of 5 x 5, small enough to train in a blink."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.experiment import Experiment
from training.module import BlockModule

sys.path.insert(0, str(Path(__file__).parent))  # toy_models, by name, as a user's own module


@pytest.fixture
def toy() -> Callable[..., Experiment]:
    """An experiment on a toy model; `optimizer` and `trainer` override single settings."""

    def make(
        model: str = "Pairs",
        seeds: Any = 3,
        init_args: dict[str, Any] | None = None,
        optimizer: dict[str, Any] | None = None,
        **trainer: Any,
    ) -> Experiment:
        settings = {"max_steps": 12, "precision": "64", "accelerator": "cpu", "block": 8}
        mapping = {
            "name": "toy",
            "model": {"class_path": f"toy_models.{model}", "init_args": init_args or {}},
            "task": {"class_path": "modular", "init_args": {"modulus": 5, "share": 0.6}},
            "optimizer": {"lr": 0.02, **(optimizer or {})},
            "trainer": {**settings, **trainer},
            "seeds": seeds,
        }
        return Experiment.from_mapping(mapping)

    return make


@pytest.fixture
def interrupt(monkeypatch) -> Callable[..., None]:
    """Ctrl-C, once, before the step `at` of a training; only of one that `where` is true of."""

    def arm(at: int, where: Callable[[BlockModule], bool] = lambda module: True) -> None:
        train, stopped = BlockModule.training_step, []

        def training_step(module: BlockModule, batch: Any, index: int) -> Any:
            if module.global_step == at and where(module) and not stopped:
                stopped.append(True)
                raise KeyboardInterrupt
            return train(module, batch, index)

        monkeypatch.setattr(BlockModule, "training_step", training_step)

    return arm
