"""Wrong products among those shown: how many, never right by chance, and held out all true."""

import inspect

import pytest
import torch

from training.data import build_task
from training.data.groups import groups


def test_a_tenth_is_wrong_and_what_is_held_out_is_true():
    task = build_task("groups", {"group": "S4", "share": 0.6, "wrong": 0.1})
    table = task.group.table
    shown = task.train.targets != table[task.train.inputs[:, 0], task.train.inputs[:, 1]]
    assert int(shown.sum()) == round(0.1 * len(task.train))
    held = table[task.held_out.inputs[:, 0], task.held_out.inputs[:, 1]]
    assert torch.equal(task.held_out.targets, held)
    assert bool(((task.train.targets >= 0) & (task.train.targets < 24)).all())


def test_the_seed_draws_other_entries_and_the_pairs_stay():
    asked = {"group": "S3", "share": 0.8, "wrong": 0.3}
    first, again = (build_task("groups", asked) for _ in range(2))
    other = build_task("groups", {**asked, "wrong_seed": 1})
    plain = build_task("groups", {"group": "S3", "share": 0.8})
    assert torch.equal(first.train.targets, again.train.targets)
    assert not torch.equal(first.train.targets, other.train.targets)
    assert torch.equal(first.train.inputs, plain.train.inputs)
    assert bool((first.train.targets != plain.train.targets).any())


def test_all_wrong_is_never_right():
    task = build_task("groups", {"group": "Z2", "share": 0.75, "wrong": 1.0})
    pairs = task.train.inputs
    assert bool((task.train.targets != pairs.sum(1) % 2).all())


@pytest.mark.parametrize("wrong", [-0.1, 1.5])
def test_a_share_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match="wrong: wants a number between 0 and 1"):
        build_task("groups", {"group": "S3", "wrong": wrong})


def test_the_name_counts_the_wrong_ones():
    assert build_task("groups", {"group": "Z3", "wrong": 0.05}).name.endswith("0 of 7 wrong")
    named = build_task("groups", {"group": "S4", "share": 0.6, "wrong": 0.1}).name
    assert named.endswith("35 of 346 wrong")


@pytest.mark.parametrize("wrong", ["0.1", True, float("nan")])
def test_what_is_no_share_is_refused(wrong):
    with pytest.raises(ValueError, match="wrong: wants a number between 0 and 1"):
        inspect.unwrap(groups)("Z5", wrong=wrong)
