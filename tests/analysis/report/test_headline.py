"""What a page says in plain words."""

import pytest
import yaml

from analysis.report.asked import configuration, part, training
from analysis.report.headline import sentence
from analysis.report.measures import measures_table


def with_unit(cell):
    return {"unit": "nats", **cell}


def test_one_solution_is_said_with_its_bound(result):
    said = sentence(with_unit(result["cells"][0]))
    assert said == (
        "20 of 20 seeds solved it, and all tell the same story "
        "(a class that holds at least 86% of all seeds)."
    )


def test_failures_and_divergence_are_said(result):
    said = sentence(with_unit(result["cells"][2]))
    assert said.startswith("none of 20 seeds solved it (4.3% held out); ")
    assert said.endswith("2 diverged.")


def test_a_task_that_none_can_solve_is_told_by_its_loss(result):
    cell = with_unit(result["cells"][1]) | {"unit": "nats"}
    assert sentence(cell, solvable=False).startswith("held-out loss ")
    assert " nats, accuracy 4.3%; " in sentence(cell, solvable=False)


def test_same_outputs_but_different_stories(result):
    cell = with_unit(result["cells"][0])
    cell["stability"]["by_interpretation"] = {"counts": [12, 8], "names": ["a", "b"]}
    assert "all give the same outputs, but tell 2 stories" in sentence(cell)


def test_seeds_of_which_nothing_was_read_tell_no_story(result):
    cell = with_unit(result["cells"][0])
    cell["stability"]["by_interpretation"] = {"counts": [20], "names": ["none"]}
    assert "and all give the same outputs (a class" in sentence(cell)


def test_different_outputs_with_one_story(result):
    cell = with_unit(result["cells"][4])
    cell["stability"]["by_interpretation"] = {"counts": [20], "names": ["2a"]}
    assert "4 solution classes in 20 seeds, and two share one" in sentence(cell)
    assert sentence(cell).endswith(", though all tell the same story.")


def test_too_few_seeds_are_called_unresolved(result):
    cell = with_unit(result["cells"][4])
    cell["stability"]["by_output"] |= {"resolved": False, "shannon": None, "coverage": 0.1}
    assert "too many for so few seeds to count" in sentence(cell)
    table = measures_table([cell], {cell["architecture"]: "#000000"})
    assert '<span class="unresolved">unresolved</span><small>at least' in table


def test_what_was_asked_comes_from_the_configuration(result):
    config = configuration(result["config"])
    assert part(config, "tasks", "S4 at 15%") == "groups(group = S4, share = 0.15)"
    assert part(config, "tasks", "no such") == ""
    assert training(config, "group_mlp") == "adamw, learning rate 0.001, 4000 steps, full batch"
    assert training(config, "no such") == ""
    assert part(yaml.safe_load("tasks: {a: {class_path: groups}}"), "tasks", "a") == "groups"


@pytest.mark.parametrize("text", ["- a\n- b", "a: [", "words"])
def test_a_configuration_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"result\.config: wanted"):
        configuration(text)
