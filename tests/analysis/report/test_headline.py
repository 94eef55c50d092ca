"""What a page says in plain words."""

import pytest
import yaml

from analysis.report.asked import configuration, part, training
from analysis.report.headline import sentence
from analysis.report.measures import measures_table


def with_unit(cell):
    return {"unit": "nats", **cell}


def told(names, counts, low=0.86):
    return {"names": names, "counts": counts, "modal_share": {"low": low}}


def test_one_solution_is_said_with_its_bound(result):
    said = sentence(with_unit(result["cells"][0]))
    assert said == (
        "20 of 20 seeds solved it, and all 20 give the same answers and tell the same story "
        "(a class that holds at least 86% of seeds)."
    )


def test_the_bound_of_few_seeds_goes_before_what_they_did(result):
    cell = with_unit(result["cells"][0]) | {"seeds": ["0", "1", "2"], "solved": 3}
    few = {"classes": [0, 0, 0], "counts": [3], "modal_share": {"low": 0.2345}}
    cell["stability"] |= {"by_output": few, "by_interpretation": told(["2a"], [3], 0.2345)}
    assert sentence(cell).startswith(
        "3 of 3 seeds solved it; 3 seeds show only that such a class holds at least 23% of seeds: "
        "all 3 give the same answers and tell the same story"
    )
    several = with_unit(result["cells"][4])
    several["stability"]["by_interpretation"] = told(["2a"], [20], 0.2345)
    assert "; 20 seeds show only that such a class holds at least 23% of" in sentence(several)


def test_failures_and_divergence_are_said(result):
    said = sentence(with_unit(result["cells"][2]))
    assert said.startswith("none of 20 seeds solved it (4.3% held out); ")
    assert said.endswith("2 diverged.")


def test_a_task_that_none_can_solve_is_told_by_its_loss(result):
    cell = with_unit(result["cells"][1]) | {"unit": "nats"}
    assert sentence(cell, solvable=False).startswith("held-out loss ")
    assert " nats, accuracy 4.3%; " in sentence(cell, solvable=False)


def test_same_answers_but_different_stories(result):
    cell = with_unit(result["cells"][0])
    cell["stability"]["by_interpretation"] = told(["a", "b"], [12, 8])
    assert "all 20 give the same answers, but tell 2 stories (a class" in sentence(cell)


@pytest.mark.parametrize(
    "unread", [None, told(["none"], [20]), told([f"unread {n}" for n in range(20)], [1] * 20)]
)
def test_seeds_of_which_nothing_was_read_tell_no_story(result, unread):
    """Nor do seeds whose labels do not depend on their weights."""
    cell = with_unit(result["cells"][0])
    cell["stability"]["by_interpretation"] = unread
    assert "and all 20 give the same answers (a class" in sentence(cell)
    cell = with_unit(result["cells"][4])
    cell["stability"]["by_interpretation"] = unread
    assert "story" not in sentence(cell)


def test_a_seed_that_was_not_read_may_tell_another_story(result):
    cell = with_unit(result["cells"][0])
    cell["stability"]["by_interpretation"] = told(["2a", "unread 7-7-7"], [19, 1], 0.75)
    assert "but tell 1 story (1 could not be read)" in sentence(cell)
    table = measures_table([cell], {cell["architecture"]: "#000000"})
    assert "1<small>19 × 2a</small><small>1 seed could not be read</small>" in table


def test_different_outputs_with_one_story(result):
    cell = with_unit(result["cells"][4])
    cell["stability"]["by_interpretation"] = told(["2a"], [20])
    assert "4 solution classes in 20 seeds, and two share one" in sentence(cell)
    assert sentence(cell).endswith(
        ", though all tell the same story (which at least 86% of seeds tell)."
    )


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
