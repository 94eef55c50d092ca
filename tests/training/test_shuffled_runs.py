"""A study's null: its first seeds trained on answers dealt anew, or a reason why they are not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import training.shuffled_runs
from training.atomic import DiskFullError
from training.data import build_task
from training.experiment import ConfigError, Experiment, Part, Seed
from training.fit import fit
from training.runs import experiment_folder, load_run, run_model, seed_folder
from training.shuffled_runs import fit_shuffled, shuffled_experiment

Toy = Callable[..., Experiment]


def test_the_first_seeds_are_trained_on_the_shuffled_task(toy: Toy, tmp_path: Path) -> None:
    experiment = toy(seeds=5)
    real = fit(experiment, tmp_path, progress=False)
    null = fit_shuffled(experiment, tmp_path, progress=False)
    assert null.absent == ""
    assert [run.seed for run in null.runs] == [Seed(s, s, s) for s in range(3)]
    assert null.runs[0].experiment.trainer == experiment.trainer
    assert null.runs[0].origin["data"] != real[0].origin["data"]
    assert any(not torch.equal(null.runs[0].weights[k], w) for k, w in real[0].weights.items())


def test_the_runs_are_whole_on_disk_and_say_what_they_are(toy: Toy, tmp_path: Path) -> None:
    experiment = toy(seeds=2)
    null = fit_shuffled(experiment, tmp_path, progress=False)
    asked = null.runs[0].experiment
    assert asked.name == "toy-shuffled"
    assert asked.fingerprint() != experiment.fingerprint()
    run = load_run(seed_folder(tmp_path, asked, Seed(0, 0, 0)))
    task = build_task(run.experiment.task.class_path, run.experiment.task.init_args)
    plain = build_task(experiment.task.class_path, experiment.task.init_args)
    assert torch.equal(task.probe.inputs, plain.probe.inputs)
    assert run_model(run, task)(task.probe.inputs).isfinite().all()
    before = sorted(experiment_folder(tmp_path, asked).rglob("*"))
    again = fit_shuffled(experiment, tmp_path, progress=False)
    assert len(again.runs) == 2
    assert sorted(experiment_folder(tmp_path, asked).rglob("*")) == before


def test_it_learns_the_training_answers_by_heart_only(toy: Toy, tmp_path: Path) -> None:
    settings = {"max_steps": 400, "init_args": {"width": 24}}
    null = fit_shuffled(toy(**settings), tmp_path, progress=False)
    last = [run.metrics.to_pylist()[-1] for run in null.runs]
    assert all(row["train_loss"] < 0.7 < 2 < row["held_out_loss"] for row in last)


def test_how_many_is_the_experiments_to_say(toy: Toy, tmp_path: Path) -> None:
    experiment = replace(toy(seeds=3), shuffled_seeds=0)
    none = fit_shuffled(experiment, tmp_path, progress=False)
    assert (none.runs, none.absent) == ((), "not asked for: shuffled_seeds is 0")
    assert len(fit_shuffled(experiment, tmp_path, seeds=1, progress=False).runs) == 1
    with pytest.raises(ConfigError, match="seeds: wants 0 or more, got -1"):
        fit_shuffled(experiment, tmp_path, seeds=-1)


def test_crossed_seeds_send_the_ones_that_share_nothing(toy: Toy) -> None:
    asked = shuffled_experiment(toy(seeds={"init": 3, "order": 3}), 2)
    assert asked.seeds == (Seed(0, 0, 0), Seed(1, 1, 0))


def test_a_long_name_still_fits(toy: Toy) -> None:
    assert len(shuffled_experiment(replace(toy(), name="n" * 200), 1).name) <= 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"task": Part("no_such", {})}, "ValueError: task.class_path: unknown 'no_such'"),
        ({"combine": Part("average", {})}, "not trained for runs made of several (average)"),
        ({"model": Part("transformer", {"d_model": 7, "layers": 1, "heads": 2})}, "Error: "),
    ],
)
def test_what_cannot_be_trained_is_absent_with_its_reason(
    toy: Toy, tmp_path: Path, changes: dict, reason: str
) -> None:
    null = fit_shuffled(replace(toy(), **changes), tmp_path, progress=False)
    assert null.runs == ()
    assert reason in null.absent


def test_a_failure_of_torchs_own_is_a_reason_and_a_full_disk_is_not(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: Exception) -> None:
        def raising(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(training.shuffled_runs, "fit", raising)

    fail(torch.linalg.LinAlgError("linalg.svd: did not\nconverge"))
    absent = fit_shuffled(toy(), tmp_path).absent
    assert absent.endswith("LinAlgError: linalg.svd: did not converge")
    fail(DiskFullError("full"))
    with pytest.raises(DiskFullError):
        fit_shuffled(toy(), tmp_path)


def test_diverged_runs_are_given_and_said(toy: Toy, tmp_path: Path) -> None:
    loud = {"precision": "32", "optimizer": {"clip": 1.0}}
    null = fit_shuffled(toy("SomeDiverge", seeds=8, **loud), tmp_path, seeds=8, progress=False)
    statuses = {run.status for run in null.runs}
    assert statuses == {"finished", "diverged"}
    assert null.absent == ""
    gone = [run.seed.init for run in null.runs if run.status == "diverged"]
    alone = fit_shuffled(toy("SomeDiverge", seeds=gone[:2], **loud), tmp_path, progress=False)
    assert (len(alone.runs), alone.absent) == (2, "all 2 diverged")


def test_a_model_that_finds_its_answer_in_the_data_is_given_the_dealt_data(tmp_path: Path) -> None:
    mapping = {
        "name": "closed",
        "model": {"class_path": "spectral_automaton", "init_args": {"states": 2}},
        "task": {
            "class_path": "hidden_process",
            "init_args": {"rows": 4, "held_out_rows": 2, "length": 1500, "burn_in": 100},
        },
        "trainer": {"max_steps": 0, "precision": "64", "accelerator": "cpu"},
        "seeds": 2,
    }
    experiment = Experiment.from_mapping(mapping)
    (run, _) = fit(experiment, tmp_path, progress=False)
    null = fit_shuffled(experiment, tmp_path, progress=False)
    assert null.absent == ""
    assert len(null.runs) == 2
    real, dealt = (r.metrics.to_pylist()[-1]["held_out_loss"] for r in (run, null.runs[0]))
    assert dealt > real + 0.01
