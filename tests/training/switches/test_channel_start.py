"""A data-made start of a quantum channel: alike over seeds but for noise, and nearer the truth."""

import pytest
import torch

from interpretable_arch.models.quantum_channel import QuantumChannelConfig
from training.data import build_task
from training.experiment import Experiment
from training.fit import fit
from training.switches.channel_start import ChannelStart, operators

TASK = {
    "class_path": "hidden_process",
    "init_args": {
        "kind": "hmm",
        "states": 3,
        "symbols": 4,
        "rows": 8,
        "held_out_rows": 4,
        "length": 400,
        "burn_in": 50,
        "context": 20,
    },
}


def experiment(noise: float | None, model: str = "quantum_channel") -> Experiment:
    start = {
        "class_path": "training.switches.channel_start.ChannelStart",
        "init_args": {"noise": noise},
    }
    return Experiment.from_mapping(
        {
            "name": "start",
            "model": {"class_path": model, "init_args": {"d": 3, "kraus": 3}},
            "task": TASK,
            "optimizer": {"name": "adam", "lr": 1e-9},
            "trainer": {
                "max_steps": 1,
                "batch_size": 2,
                "accelerator": "cpu",
                "precision": "64",
                "callbacks": [] if noise is None else [start],
            },
            "seeds": 2,
        }
    )


def test_the_start_depends_on_the_data_alone_but_for_the_noise(tmp_path):
    exact = fit(experiment(0.0), tmp_path / "a", progress=False)
    noisy = fit(experiment(0.03), tmp_path / "b", progress=False)
    torch.testing.assert_close(exact[0].weights["K"], exact[1].weights["K"], rtol=0, atol=1e-6)
    assert not torch.allclose(noisy[0].weights["K"], noisy[1].weights["K"], atol=1e-2)
    random = fit(experiment(None), tmp_path / "c", progress=False)
    losses = [r[0].metrics["held_out_loss"][0].as_py() for r in (exact, noisy, random)]
    assert losses[0] < losses[2] - 0.05
    assert losses[1] < losses[2] - 0.05


def test_it_is_the_same_each_time():
    task = build_task(TASK["class_path"], TASK["init_args"])
    config = QuantumChannelConfig(4, 3, 3)
    torch.testing.assert_close(operators(config, task.train), operators(config, task.train))


def test_bad_noise_is_refused():
    with pytest.raises(ValueError, match="noise: wanted 0 or more"):
        ChannelStart(-0.1)
