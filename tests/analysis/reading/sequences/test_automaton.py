"""The reader counts negative odds, shows the choice of states, and its fractions run again."""

import pytest
import torch

from analysis.exhibits import Lines, Table
from analysis.reading.sequences.automaton import read_automaton
from interpretable_arch.models.spectral_automaton import SpectralAutomaton, SpectralAutomatonConfig
from training.data import Task, build_task
from training.data_fit import data_batches


@pytest.fixture(scope="module")
def found() -> tuple[SpectralAutomaton, Task]:
    task = build_task("hidden_process", {"rows": 6, "length": 800, "burn_in": 100})
    model = SpectralAutomaton(SpectralAutomatonConfig(4, longest=4, classes=64)).double()
    model.fit_data(data_batches(task.train))
    return model, task


@torch.no_grad()
def test_negative_odds_are_counted_by_hand(found) -> None:
    model, task = found
    finding = read_automaton(model, task)
    assert finding is not None
    odds = model.raw_odds(task.probe.inputs)
    figures = finding.figures
    assert figures["share of negative odds"] == pytest.approx(float((odds < 0).double().mean()))
    assert figures["share of negative odds"] > 0
    # What is taken from the others is what the raised ones get.
    added = (model(task.probe.inputs).exp() - odds).clamp_min(0).sum(-1).mean()
    assert figures["mass moved by the floor"] == pytest.approx(float(added))
    assert figures["states"] == model.states


@torch.no_grad()
def test_fractions_and_choice_are_shown(found) -> None:
    model, task = found
    finding = read_automaton(model, task)
    assert finding is not None
    assert finding.figures["runs: exact against float"] < 1e-12
    spectrum, choice, runs = finding.exhibits
    assert isinstance(spectrum, Lines)
    assert isinstance(choice, Table)
    assert isinstance(runs, Table)
    assert len(choice.rows) == len(model.tried)
    assert [row[0] for row in runs.rows] == list(task.labels)


def test_an_unfitted_one_and_other_models_have_none(found) -> None:
    _, task = found
    assert read_automaton(SpectralAutomaton(SpectralAutomatonConfig(4)), task) is None
    assert read_automaton(torch.nn.Linear(2, 2), task) is None
