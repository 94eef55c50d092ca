"""Callbacks that change a model between steps: a study that was stopped goes on exactly."""

import pytest
import torch

from training.experiment import Experiment
from training.fit import fit
from training.switches import meaning_fit

SPLINES = {
    "name": "splines",
    "model": {"class_path": "kan", "init_args": {"hidden": [1], "grid": 5}},
    "task": {"class_path": "formulas", "init_args": {"formula": "hellokan", "examples": 60}},
    "optimizer": {"name": "adam", "lr": 0.02},
    "trainer": {
        "max_steps": 40,
        "precision": "64",
        "checkpoint_every": 10,
        "callbacks": [
            {"class_path": "training.switches.spline_grids.SplineGrids", "init_args": {"until": 30}}
        ],
    },
    "seeds": 1,
}


def test_a_grid_that_moved_at_a_checkpoint_is_in_it(tmp_path, interrupt):
    experiment = Experiment.from_mapping(SPLINES)
    (whole,) = fit(experiment, tmp_path / "whole", progress=False)
    interrupt(21)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit(experiment, tmp_path / "parts", progress=False)
    (resumed,) = fit(experiment, tmp_path / "parts", progress=False)
    for name, value in whole.weights.items():
        torch.testing.assert_close(resumed.weights[name], value, rtol=1e-9, atol=1e-9)


def test_a_fit_that_failed_at_the_end_is_made_again(tmp_path, monkeypatch):
    text = tmp_path / "verses.txt"
    text.write_text("\n".join(f"and {n} begat {n + 1}" for n in range(300)), encoding="utf-8")
    experiment = Experiment.from_mapping(
        {
            "name": "words",
            "model": {"class_path": "meaning_prototypes", "init_args": {"d_model": 8, "heads": 2}},
            "task": {"class_path": "text", "init_args": {"source": str(text), "context": 8}},
            "optimizer": {},
            "trainer": {
                "max_steps": 4,
                "batch_size": 4,
                "callbacks": [{"class_path": "training.switches.meaning_fit.MeaningFit"}],
            },
            "seeds": 1,
        }
    )
    whole = meaning_fit.MeaningFit.on_fit_end

    def failing(self, trainer, module):
        monkeypatch.setattr(meaning_fit.MeaningFit, "on_fit_end", whole)
        raise MemoryError

    monkeypatch.setattr(meaning_fit.MeaningFit, "on_fit_end", failing)
    with pytest.raises(MemoryError):
        fit(experiment, tmp_path / "runs", progress=False)
    (run,) = fit(experiment, tmp_path / "runs", progress=False)
    assert run.weights["M"].any()
