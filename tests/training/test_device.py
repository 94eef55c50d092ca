"""The same training on every device that is there."""

import pytest
import torch

from training.experiment import Experiment
from training.fit import fit

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("model", ["group_representation", "group_mlp", "group_transformer"])
def test_seeds_train_alike_wherever_they_are(tmp_path, device, model):
    def losses(accelerator: str) -> list[float]:
        mapping = {
            "name": f"device {accelerator}",
            "seeds": 3,
            "model": {"class_path": model},
            "task": {"class_path": "groups", "init_args": {"group": "S3", "share": 0.8}},
            "optimizer": {"lr": 0.01, "clip": 1.0},
            "trainer": {"max_steps": 5, "accelerator": accelerator, "precision": 64},
        }
        runs = fit(Experiment.from_mapping(mapping), tmp_path / accelerator, progress=False)
        assert all(w.device.type == "cpu" for run in runs for w in run.weights.values())
        return [run.metrics["held_out_loss"][-1].as_py() for run in runs]

    assert losses(device) == pytest.approx(losses("auto"), rel=1e-9)
    assert losses(device) == pytest.approx(losses("cpu"), rel=1e-6)
