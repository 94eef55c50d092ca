"""A crossed study from one file: runs that share a stream are not counted as independent."""

import pytest

from analysis.comparison import study
from analysis.stability.entropies.grouping import by_interpretation
from training.experiment import Experiment

CROSSED = {
    "name": "crossed",
    "seeds": {"init": 2, "order": 2, "repeat": 2},
    "shuffled_seeds": 0,
    "model": {"class_path": "group_mlp", "init_args": {"d_mlp": 8}},
    "task": {"class_path": "groups", "init_args": {"group": "Z7", "share": 0.6}},
    "optimizer": {"lr": 0.01},
    "trainer": {"max_steps": 6, "batch_size": 8, "block": 4},
}


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    root, said = tmp_path_factory.mktemp("crossed"), []
    result = study(Experiment.from_mapping(CROSSED), root, progress=False, say=said.append)
    return result.cells[0], said


def test_all_runs_are_there_and_the_independent_ones_compared(crossed) -> None:
    cell, _ = crossed
    assert len(cell.seeds) == len(cell.curves) == 8
    assert cell.compared == ("0-0-0", "1-1-0")
    assert cell.stability.seeds == 2
    (outputs,) = (level for level in cell.levels if level.name == "outputs")
    assert any("2 of the 8 runs share no stream" in note for note in outputs.notes)
    assert any("noise is the same in all runs" in note for note in outputs.notes)


def test_loss_and_findings_have_no_more_seeds_than_are_independent(crossed) -> None:
    cell, _ = crossed
    final = [curve.held_out_loss[-1] for curve in cell.curves]
    first, last = (final[cell.seeds.index(name)] for name in cell.compared)
    assert cell.held_out_loss.estimate == pytest.approx((first + last) / 2)
    for finding in cell.findings:
        for figure in finding.figures:
            assert len(figure.values) == 8


def test_the_factors_use_all_runs(crossed) -> None:
    cell, _ = crossed
    (factors,) = (level for level in cell.levels if level.name == "factors")
    assert {figure.name for figure in factors.figures} >= {
        "loss: init",
        "loss: order",
        "loss: init x order",
        "loss: repeat",
    }


def test_an_early_answer_counts_independent_runs_alone(crossed) -> None:
    _, said = crossed
    assert not [line for line in said if "so far" in line]  # two are too few for an interval


def test_repeats_of_one_seed_are_called_so(tmp_path) -> None:
    experiment = Experiment.from_mapping({**CROSSED, "name": "again", "seeds": {"repeat": 3}})
    (cell,) = study(experiment, tmp_path, progress=False).cells
    (outputs,) = (level for level in cell.levels if level.name == "outputs")
    assert any("all runs repeat one seed" in note for note in outputs.notes)


def test_a_null_that_was_not_trained_is_said_on_the_page_and_in_the_terminal(crossed) -> None:
    cell, said = crossed
    assert any("label-shuffled training: not asked for" in line for line in said)
    assert any("label-shuffled training: not asked for" in s for s in cell.levels[0].skipped)


def test_seeds_that_could_not_be_read_are_missing_and_not_different() -> None:
    alone, _ = by_interpretation(["a", "unread 1", "a", "unread 3"], [False] * 4)
    assert alone is not None
    assert alone.counts == (2,)
    assert "2 of 4 seeds that could be read" in alone.basis
    assert by_interpretation(["unread 0", "unread 1"], [False] * 2) == (None, None)
