"""Meanings are fitted after the last update, for one seed as for a stack."""

import pytest
import torch

from training.data import build_task
from training.data.side_by_side import places
from training.experiment import Experiment
from training.fit import fit
from training.runs import run_model

TASK = {"tokens": 1200, "context": 8, "topics": 3, "ambiguous": 3, "own": 2, "fillers": 2}
MODEL = {"d_model": 8, "layers": 1, "heads": 2, "window": 4, "senses": 2}


def experiment(seeds=2, block=2, model="meaning_prototypes", args=MODEL):
    return Experiment.from_mapping(
        {
            "name": "meanings",
            "model": {"class_path": model, "init_args": args},
            "task": {"class_path": "planted_senses", "init_args": TASK},
            "optimizer": {"lr": 1e-3},
            "trainer": {
                "max_steps": 3,
                "batch_size": 8,
                "accelerator": "cpu",
                "block": block,
                "callbacks": [{"class_path": "training.switches.meaning_fit.MeaningFit"}],
            },
            "seeds": seeds,
        }
    )


@pytest.mark.parametrize("block", [1, 2])
def test_every_seed_ends_with_the_meanings_of_its_own_transformer(tmp_path, block):
    task = build_task("planted_senses", TASK)
    runs = fit(experiment(block=block), tmp_path, progress=False)
    kept = [run_model(run, task) for run in runs]
    for model in kept:
        stored = model.M.clone()
        model.fit_meanings(task.train.tokens[at] for at in places(task.train, 128))
        torch.testing.assert_close(stored, model.M, rtol=1e-3, atol=1e-3)
        assert bool(stored.any())
    assert not torch.allclose(kept[0].M, kept[1].M)


def test_a_model_without_meanings_is_refused(tmp_path):
    args = {"d_model": 8, "layers": 1, "heads": 2}
    with pytest.raises(ValueError, match="wanted one with fit_meanings, got Transformer"):
        fit(experiment(1, 1, "transformer", args), tmp_path, progress=False)
