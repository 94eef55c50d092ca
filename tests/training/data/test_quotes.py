"""The closing task against a parser, and its null: the same texts and answers, dealt out anew."""

import pytest
import torch

from training.data import build_task
from training.data.nonsense import nonsense
from training.data.quotes import CLOSING, OPENING, quotes

SMALL = {"class_path": "quotes", "init_args": {"length": 8, "letters": 3, "count": 200}}


def innermost(text: str) -> str:
    """What closes the innermost kind that is open, by a stack."""
    stack = []
    for mark in text:
        if mark in OPENING:
            stack.append(CLOSING[OPENING.index(mark)])
        elif mark in CLOSING:
            assert stack.pop() == mark
    return stack[-1]


@pytest.mark.parametrize("length", [4, 9])
def test_every_answer_is_what_a_parser_says(length):
    task = quotes(length=length, letters=3, count=300)
    for part in (task.train, task.held_out):
        for text, answer in zip(part.inputs.tolist(), part.targets.tolist(), strict=True):
            words = "".join(task.labels[t] for t in text)
            assert words.endswith("?")
            assert task.labels[answer[-1]] == innermost(words)
            assert set(answer[:-1]) == {-100}


def test_about_half_close_the_inner_kind_again():
    task = quotes(count=2000)
    closing = torch.tensor([task.labels.index(c) for c in CLOSING])
    closed = torch.isin(task.train.inputs, closing).any(1).double().mean()
    assert 0.45 < float(closed) < 0.55


def test_it_is_a_function_of_its_seed():
    one, same, other = (quotes(count=50, split_seed=s) for s in (0, 0, 1))
    assert torch.equal(one.train.inputs, same.train.inputs)
    assert not torch.equal(one.train.inputs, other.train.inputs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 3}, "length: wants at least 4, three marks and the question, got 3"),
        ({"letters": 0}, "letters: wants 1 to 26, got 0"),
        ({"letters": 27}, "letters: wants 1 to 26, got 27"),
        ({"count": 1}, "share: 0.5 of 1 takes 0"),
    ],
)
def test_what_can_not_be_drawn_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        quotes(**arguments)


def test_nonsense_keeps_inputs_and_answers_and_breaks_their_tie():
    real, null = build_task(**SMALL), build_task("nonsense", {"task": SMALL})
    for mine, theirs in ((real.train, null.train), (real.held_out, null.held_out)):
        assert torch.equal(mine.inputs, theirs.inputs)
        answers = [part.targets[:, -1].sort().values for part in (mine, theirs)]
        assert torch.equal(*answers)
        same = mine.targets[:, -1].eq(theirs.targets[:, -1]).double().mean()
        assert float(same) < 0.5, "four answers: a quarter agree by chance"
    assert null.dimensions == real.dimensions


def test_nonsense_about_a_group_forgets_the_group():
    group = {"class_path": "groups", "init_args": {"group": "S3"}}
    assert nonsense(group).group is None


def test_nonsense_is_a_function_of_its_seed():
    one, same, other = (nonsense(SMALL, shuffle_seed=s) for s in (0, 0, 1))
    assert torch.equal(one.train.targets, same.train.targets)
    assert not torch.equal(one.train.targets, other.train.targets)


def test_nonsense_that_can_not_be_made_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="shuffle_seed: wants a whole number from 0 up, got -1"):
        nonsense(SMALL, shuffle_seed=-1)
    with pytest.raises(ValueError, match=r"task\.init_args\.task"):
        build_task("nonsense", {"task": {"class_pth": "quotes"}})
