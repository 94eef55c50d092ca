"""Experiments on a table of 5 x 5, small enough to train in a blink."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.experiment import Experiment

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
