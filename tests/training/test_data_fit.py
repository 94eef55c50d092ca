"""Models that find their answer in the data pass through the same module, run store and study."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from analysis.comparison import study
from interpretable_arch.registry import ENTRIES, Entry
from training.data import build_task
from training.data.task import Split, Stream, Task
from training.data_fit import data_batches
from training.experiment import ConfigError, Experiment
from training.fit import fit
from training.runs import run_model


def stream(starts: list[int], context: int, tokens: int = 20) -> Stream:
    return Stream(torch.arange(tokens), torch.tensor(starts), context)


def test_a_text_is_one_batch_of_tokens_and_followers():
    (tokens, following), *rest = data_batches(stream(list(range(16)), 4))
    assert not rest
    assert torch.equal(tokens, torch.arange(19)[None])
    assert torch.equal(following, torch.arange(1, 20)[None])


def test_a_gap_ends_a_stretch_and_every_pair_within_windows_comes_once():
    # Blocks 0-7 and 12-19: the windows' followers reach to 7 and to 19.
    found = data_batches(stream([0, 1, 2, 3, 12, 13, 14, 15], 4))
    assert [t[0].tolist() for t, _ in found] == [list(range(7)), list(range(12, 19))]
    assert [f[0].tolist() for _, f in found] == [list(range(1, 8)), list(range(13, 20))]


def test_stretches_cover_what_windows_cover(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n\n".join(f"passage {i} says {i * i}" for i in range(60)))
    for split in ("verse", "block"):
        task = build_task("text", {"source": str(path), "context": 8, "split": split})
        assert isinstance(task.train, Stream)
        inputs, targets = task.train.take(torch.arange(len(task.train)))
        wanted = set(zip(inputs.flatten().tolist(), targets.flatten().tolist(), strict=True))
        got = set()
        for tokens, following in data_batches(task.train):
            got |= set(zip(tokens[0].tolist(), following[0].tolist(), strict=True))
            assert torch.equal(tokens[0, 1:], following[0, :-1])
        assert got == wanted


@dataclass(frozen=True)
class UnigramConfig:
    vocab: int
    context: int = 4


class Unigram(nn.Module):
    """Counts, and a start drawn with the seed that the fit leaves in place as `start`."""

    def __init__(self, config: UnigramConfig) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(1))
        self.register_buffer("log_p", torch.zeros(config.vocab))

    def forward(self, tokens):
        return self.log_p.expand(*tokens.shape, -1) + 0 * self.start

    def fit_data(self, batches):
        counts = sum(torch.bincount(f.flatten(), minlength=len(self.log_p)) for _, f in batches)
        self.log_p.copy_((counts + 1.0).log() - (counts + 1.0).sum().log())
        self.drawn = torch.randn(1)


class Operated(Unigram):
    def fit_operators(self, operators):
        self.log_p.fill_(float(operators.sum()))


@pytest.fixture
def registered(monkeypatch):
    import sys

    module = sys.modules[__name__]
    monkeypatch.setitem(sys.modules, "interpretable_arch.models.toy_unigram", module)
    entry = Entry("model", "models.toy_unigram", "UnigramConfig", "Unigram")
    monkeypatch.setitem(ENTRIES, "toy_unigram", entry)
    operated = Entry("model", "models.toy_unigram", "UnigramConfig", "Operated")
    monkeypatch.setitem(ENTRIES, "toy_operated", operated)


def experiment(tmp_path, model: str = "toy_unigram", **trainer) -> Experiment:
    path = tmp_path / "text.txt"
    path.write_text("\n\n".join("abab" * 5 + "c" * (i % 7) for i in range(80)))
    return Experiment.from_mapping(
        {
            "name": "toy",
            "model": {"class_path": model},
            "task": {
                "class_path": "text",
                "init_args": {"source": str(path), "context": 4, "held_out": 0.2},
            },
            "trainer": {"max_steps": 0, **trainer},
            "seeds": 3,
        }
    )


def test_a_closed_form_model_needs_no_steps_and_no_optimizer(registered, tmp_path):
    asked = experiment(tmp_path)
    runs = fit(asked, tmp_path / "runs", progress=False)
    task = build_task(asked.task.class_path, asked.task.init_args)
    assert isinstance(task.train, Stream)
    counts = torch.bincount(task.train.tokens[1:], minlength=len(task.labels)) + 1.0
    for run in runs:
        assert run.status == "finished"
        assert run.metrics.num_rows == 1
        torch.testing.assert_close(run.weights["log_p"], (counts / counts.sum()).log())
        model = run_model(run, task)
        assert torch.isfinite(model(task.sample)).all()
    assert len({float(run.weights["start"]) for run in runs}) == 3
    again = fit(asked, tmp_path / "runs", progress=False)
    assert [r.seconds for r in again] == [r.seconds for r in runs]


def test_steps_go_on_from_the_fit(registered, tmp_path):
    asked = experiment(tmp_path, max_steps=2, batch_size=8)
    run = fit(asked, tmp_path / "runs", progress=False)[0]
    losses = run.metrics["held_out_loss"].to_pylist()
    assert run.metrics["step"].to_pylist() == [0, 1, 2]
    assert losses[0] == pytest.approx(losses[-1])
    assert losses[0] < torch.log(torch.tensor(4.0))


def test_a_study_measures_it_and_seeds_agree(registered, tmp_path):
    found = study(experiment(tmp_path), tmp_path / "runs", progress=False)
    assert found.cells[0].stability.disagreement.raw.estimate == 0


def test_zero_steps_of_a_model_that_learns_by_steps_are_refused(tmp_path):
    asked = experiment(tmp_path, "transformer")
    with pytest.raises(ConfigError, match="transformer has no fit_data"):
        fit(asked, tmp_path / "runs", progress=False)


def test_a_process_known_exactly_is_handed_over_as_operators(registered, tmp_path, monkeypatch):
    from training import fit as stage

    def known(*_) -> Task:
        task = build_task(asked.task.class_path, asked.task.init_args)
        size = len(task.labels)
        return Task(**{**vars(task), "operators": torch.full((size, 1, 1, 2), 0.5)})

    asked = experiment(tmp_path, "toy_operated")
    size = len(build_task(asked.task.class_path, asked.task.init_args).labels)
    monkeypatch.setattr(stage, "build_task", known)
    run = fit(asked, tmp_path / "runs", progress=False)[0]
    assert torch.equal(run.weights["log_p"], torch.full((size,), float(size)))


def test_examples_come_whole():
    split = Split(torch.randn(5, 2), torch.arange(5))
    ((inputs, targets),) = data_batches(split)
    assert inputs is split.inputs
    assert targets is split.targets
