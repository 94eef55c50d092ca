"""An unknown logger is named before anything is trained."""

from collections.abc import Callable
from pathlib import Path

import pytest

import training.mirror
from training.experiment import ConfigError, Experiment
from training.fit import fit
from training.mirror import check_logger


def test_an_unknown_logger_is_refused_before_training(
    toy: Callable[..., Experiment], tmp_path: Path
) -> None:
    message = "^logger: wants one of csv, wandb, wandb-online, got 'wandb-on'; .* 'wandb-online'"
    with pytest.raises(ConfigError, match=message):
        fit(toy(), tmp_path, progress=False, logger="wandb-on")
    assert not list(tmp_path.iterdir())


def test_a_logger_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.mirror, "find_spec", lambda _: None)
    for fine in (None, "csv"):
        check_logger(fine)
    with pytest.raises(ConfigError, match="pip install wandb"):
        check_logger("wandb")
