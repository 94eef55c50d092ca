"""Training end to end: stacked equals alone, nothing is trained twice, divergence is an outcome."""

import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from lightning.pytorch import Callback

import training.fit
from training.atomic import DiskFullError
from training.experiment import ConfigError, Experiment, Seed
from training.fit import device_of, fit
from training.runs import Run, RunError, experiment_folder, load_run

Toy = Callable[..., Experiment]


def train(experiment: Experiment, root: Path, **options: object) -> tuple[Run, ...]:
    return fit(experiment, root, progress=False, **options)


def assert_same(one: Run, other: Run, tolerance: float) -> None:
    assert one.seed == other.seed
    torch.testing.assert_close(
        dict(one.weights), dict(other.weights), rtol=tolerance, atol=tolerance
    )
    for name in one.metrics.column_names:
        assert one.metrics[name].to_pylist() == pytest.approx(
            other.metrics[name].to_pylist(), rel=max(tolerance, 1e-15), abs=tolerance
        )


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("Pairs", {"optimizer": {"name": "adam", "clip": 0.01, "schedule": "cosine"}}),
        ("OwnLoss", {"batch_size": 4, "optimizer": {"weight_decay": 0.1, "clip": 1.0}}),
        ("Orthogonal", {"batch_size": 6}),
    ],
)
def test_stacked_training_is_training_one_at_a_time(
    toy: Toy, tmp_path: Path, model: str, settings: dict
) -> None:
    stacked = train(toy(model, block=3, **settings), tmp_path)
    alone = train(toy(model, block=1, **settings), tmp_path)
    for one, other in zip(stacked, alone, strict=True):
        assert_same(one, other, tolerance=1e-9)
    assert len({str(run.weights) for run in stacked}) == 3


@pytest.mark.parametrize("block", [2, 3, "auto"])
def test_noise_depends_on_the_seed_alone(toy: Toy, tmp_path: Path, block: int | str) -> None:
    dropout = {"init_args": {"dropout": 0.3}, "batch_size": 4}
    together = train(toy(block=block, **dropout), tmp_path / "together")
    (alone,) = train(toy(block=1, seeds=[2], **dropout), tmp_path / "alone")
    assert_same(together[2], alone, tolerance=0.0)


def test_only_missing_seeds_are_trained(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(toy(seeds=2), tmp_path)
    folder = experiment_folder(tmp_path, toy())
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.is_file()}
    trained = []
    original = training.fit.train_block
    monkeypatch.setattr(
        training.fit, "train_block", lambda e, p, *a: trained.append(p.seeds) or original(e, p, *a)
    )
    runs = train(toy(seeds=[3, 0, 1]), tmp_path)
    assert trained == [(Seed(3, 3, 3),)]
    assert [run.seed.init for run in runs] == [3, 0, 1]
    assert_same(runs[1], first[0], tolerance=0.0)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())


def test_the_folder_holds_the_runs_and_nothing_else(
    toy: Toy, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    state = torch.get_rng_state()
    experiment = toy(checkpoint_every=5)
    runs = train(experiment, tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32
    assert capfd.readouterr() == ("", "")
    folder = experiment_folder(tmp_path, experiment)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    seeds = ["seed-0-0-0", "seed-1-1-1", "seed-2-2-2"]
    assert sorted(path.name for path in folder.iterdir()) == [".blocks", *seeds]
    assert not list((folder / ".blocks").iterdir())
    assert [run.status for run in runs] == ["finished"] * 3
    assert runs[0].metrics["step"].to_pylist() == list(range(13))


def test_the_bar_says_what_is_trained(
    toy: Toy, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fit(toy(), tmp_path)
    shown = capfd.readouterr().err
    assert "toy · 3 seeds 0-0-0 to 2-2-2" in shown
    assert "12/12" in shown
    assert "loss" in shown


def test_initial_weights_depend_on_the_init_seed_alone(toy: Toy, tmp_path: Path) -> None:
    seeds = [{"init": 7, "order": o, "noise": n} for o, n in [(0, 0), (1, 0), (0, 1)]]
    runs = train(toy(seeds=seeds, batch_size=4, init_args={"dropout": 0.5}, block=1), tmp_path)
    start = [run.metrics["held_out_loss"][0].as_py() for run in runs]
    end = [run.metrics["held_out_loss"][-1].as_py() for run in runs]
    assert len(set(start)) == 1
    assert len(set(end)) == 3


def test_a_diverged_seed_is_recorded_and_the_others_do_not_notice(toy: Toy, tmp_path: Path) -> None:
    settings = {"seeds": 6, "precision": "32", "optimizer": {"clip": 1.0}}
    runs = train(toy("SomeDiverge", block=6, **settings), tmp_path)
    alone = train(toy("SomeDiverge", block=1, **settings), tmp_path)
    status = [run.status for run in runs]
    assert set(status) == {"finished", "diverged"}
    assert status == [run.status for run in alone]
    assert [run.diverged_at for run in runs] == [run.diverged_at for run in alone]
    healthy = [run.seed for run in runs if run.status == "finished"]
    again = train(replace(toy("SomeDiverge", block=5, **settings), seeds=tuple(healthy)), tmp_path)
    for run in again:
        assert all(tensor.isfinite().all() for tensor in run.weights.values())
        partner = next(one for one in runs if one.seed == run.seed)
        assert_same(run, partner, tolerance=1e-5)


def test_a_seed_made_infinite_changes_no_bit_of_the_others(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = train(toy("Orthogonal", batch_size=4), tmp_path / "a")
    original = training.fit.seed_model

    def spoilt(experiment: Experiment, seed: Seed, task: object) -> torch.nn.Module:
        model = original(experiment, seed, task)
        if seed.init == 1:
            torch.nn.init.constant_(model.mix, torch.inf)
        return model

    monkeypatch.setattr(training.fit, "seed_model", spoilt)
    runs = train(toy("Orthogonal", batch_size=4), tmp_path / "b")
    assert [run.status for run in runs] == ["finished", "diverged", "finished"]
    assert runs[1].diverged_at == 0
    for k in (0, 2):
        torch.testing.assert_close(
            dict(runs[k].weights), dict(healthy[k].weights), rtol=1e-12, atol=1e-12
        )


def test_training_stops_when_all_have_diverged(toy: Toy, tmp_path: Path) -> None:
    runs = train(toy(seeds=2, optimizer={"lr": 1e308}, evaluate_every=4), tmp_path)
    assert [run.status for run in runs] == ["diverged"] * 2
    assert runs[0].metrics["step"].to_pylist() == [0, 4]


def test_a_damaged_run_is_named_and_kept(toy: Toy, tmp_path: Path) -> None:
    train(toy(), tmp_path)
    path = experiment_folder(tmp_path, toy()) / "seed-1-1-1" / "labels.json"
    path.write_text("[]")
    with pytest.raises(RunError, match=r"seed-1-1-1.*labels\.json: changed"):
        train(toy(), tmp_path)
    assert path.exists()


def test_a_full_disk_keeps_finished_runs(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(toy(seeds=1), tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(DiskFullError):
            train(toy(), tmp_path)
    folder = experiment_folder(tmp_path, toy())
    assert [path.name for path in folder.glob("*") if path.name[0] != "."] == ["seed-0-0-0"]
    assert not list(folder.rglob(".tmp-*"))
    assert_same(load_run(folder / "seed-0-0-0"), whole[0], tolerance=0.0)
    assert len(train(toy(), tmp_path)) == 3


def test_curves_are_mirrored_to_csv(toy: Toy, tmp_path: Path) -> None:
    train(toy(seeds=1), tmp_path, logger="csv")
    text = (experiment_folder(tmp_path, toy()) / "csv" / "seed-0-0-0.csv").read_text()
    assert text.splitlines()[0] == '"step","train_loss","held_out_loss","held_out_accuracy"'
    assert len(text.splitlines()) == 14


def test_an_unknown_device_is_the_callers_mistake() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.accelerator: wants one of auto, cpu.*'tpux'"):
        device_of("tpux")


def test_lightning_is_not_loaded_by_reading_runs() -> None:
    code = "import sys, training.runs; sys.exit('lightning' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


class CountSteps(Callback):
    """A user's callback, found by its path."""

    seen: ClassVar[list[int]] = []

    def on_train_batch_end(self, trainer, pl_module, *_, **__):
        CountSteps.seen.append(len(pl_module.seeds))


def test_a_callback_of_ones_own_sees_every_step(tmp_path, monkeypatch):
    module = types.ModuleType("own_callbacks")
    module.CountSteps, module.NoCallback = CountSteps, dict
    monkeypatch.setitem(sys.modules, "own_callbacks", module)
    mapping = {
        "name": "callbacks",
        "seeds": 2,
        "model": {"class_path": "group_mlp", "init_args": {"d_mlp": 4}},
        "task": {"class_path": "groups", "init_args": {"group": "S3"}},
        "optimizer": {},
        "trainer": {"max_steps": 5, "callbacks": [{"class_path": "own_callbacks.CountSteps"}]},
    }
    fit(Experiment.from_mapping(mapping), tmp_path, progress=False)
    assert CountSteps.seen == [2] * 5
    mapping["trainer"]["callbacks"] = [{"class_path": "own_callbacks.NoCallback"}]
    with pytest.raises(ConfigError, match="wants a Lightning Callback"):
        fit(Experiment.from_mapping(mapping), tmp_path, progress=False)


def test_how_the_work_is_laid_out_trains_nothing_again(tmp_path):
    mapping = {
        "name": "layout",
        "seeds": 2,
        "model": {"class_path": "group_mlp", "init_args": {"d_mlp": 4}},
        "task": {"class_path": "groups", "init_args": {"group": "S3"}},
        "optimizer": {},
        "trainer": {"max_steps": 5, "block": 2},
    }
    first = fit(Experiment.from_mapping(mapping), tmp_path, progress=False)
    mapping["trainer"]["block"] = 1
    again = fit(Experiment.from_mapping(mapping), tmp_path, progress=False)
    assert [r.seconds for r in again] == [r.seconds for r in first]
