"""A run is taken for a result only as long as its data and its code are what they were."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import training.fit
from training.data import Split, Stream, build_task
from training.experiment import Experiment
from training.fit import fit
from training.origin import changes, origin_of, refuse_stale
from training.runs import Run, RunError, find_runs, save_run

Toy = Callable[..., Experiment]


def test_every_part_of_the_data_counts(toy: Toy) -> None:
    experiment = toy()
    task = build_task("modular", experiment.task.init_args)
    other = Split(task.held_out.inputs, (task.held_out.targets + 1) % 5)
    stream = Stream(torch.arange(9), torch.arange(4), 2)
    tasks = [
        task,
        replace(task, held_out=other),
        replace(task, train=other),
        replace(task, labels=tuple("abcde")),
        replace(task, train=stream),
        replace(task, train=replace(stream, context=3)),
        replace(task, train=replace(stream, starts=torch.arange(1, 5))),
    ]
    assert len({origin_of(experiment, one)["data"] for one in tasks}) == len(tasks)
    again = build_task("modular", experiment.task.init_args)
    assert origin_of(experiment, again) == origin_of(experiment, task)
    assert list(origin_of(experiment, task)) == ["data", "code of model toy_models.Pairs"]


def test_what_only_one_side_knows_is_no_change() -> None:
    assert changes({"data": "1"}, {"data": "1", "code": "2"}) == ""
    assert changes({"data": "1", "code": "1"}, {"data": "2", "code": "2"}) == "data and code"
    with pytest.raises(RunError, match="here: changed since it was trained: data; give another"):
        refuse_stale("here", {"data": "1"}, {"data": "2"})


@pytest.mark.parametrize("stage", ["finished", "interrupted"])
def test_changed_code_is_refused(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    source = Path(__file__).with_name("toy_models.py").read_text()
    (tmp_path / "changing_model.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    mapping = toy(checkpoint_every=5).to_mapping()
    experiment = Experiment.from_mapping(
        {**mapping, "model": {"class_path": "changing_model.Pairs"}}
    )
    with monkeypatch.context() as patch:
        if stage == "interrupted":
            patch.setattr(training.fit, "save_run", _interrupt)
        with suppress(KeyboardInterrupt):
            fit(experiment, tmp_path / "runs", progress=False)
    (tmp_path / "changing_model.py").write_text(source + "\n# other\n")
    with pytest.raises(RunError, match=r"changed since.*: code of model changing_model\.Pairs; "):
        fit(experiment, tmp_path / "runs", progress=False)
    assert len(find_runs(tmp_path / "runs", experiment)) == (3 if stage == "finished" else 0)
    del sys.modules["changing_model"]


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_changed_data_are_refused(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(toy(), tmp_path, progress=False)
    other = build_task("modular", {"modulus": 5, "share": 0.6, "split_seed": 1})
    monkeypatch.setattr(training.fit, "build_task", lambda *_: other)
    with pytest.raises(RunError, match="seed-0-0-0: changed since it was trained: data; give"):
        fit(toy(), tmp_path, progress=False)


def test_a_run_that_another_process_finished_first_is_used(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beaten(root: Path, run: Run) -> Path:
        save_run(root, replace(run, seconds=123.0))
        return save_run(root, run)

    monkeypatch.setattr(training.fit, "save_run", beaten)
    assert [run.seconds for run in fit(toy(), tmp_path, progress=False)] == [123.0] * 3
