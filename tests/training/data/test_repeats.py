"""Repeated segments: they repeat, nothing earlier tells the first copy, held-out ones are fresh."""

import pytest
import torch

from training.data import build_task
from training.data.repeats import repeated_segments, repeats


def rows(count: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    return repeated_segments(count, 12, 3, 6, 15, torch.Generator().manual_seed(0))


def test_every_token_is_the_one_a_length_before():
    tokens, lengths = rows()
    for row, L in zip(tokens.tolist(), lengths.tolist(), strict=True):
        assert row[L:] == row[:-L]
        assert len(set(row[:L])) == L


def test_lengths_and_tokens_are_spread_evenly():
    tokens, lengths = rows(6000)
    counts = torch.bincount(lengths)[3:].double()
    assert lengths.min() == 3
    assert lengths.max() == 6
    assert float((counts / 1500 - 1).abs().max()) < 0.1
    first = torch.bincount(tokens[:, 0], minlength=12).double()
    assert float((first / 500 - 1).abs().max()) < 0.2


def test_targets_are_the_next_tokens():
    task = repeats(vocabulary=12, shortest=3, longest=6, context=14, sequences=50, held_out=20)
    for part, size in ((task.train, 50), (task.held_out, 20)):
        inputs, targets = part.take(torch.arange(size))
        assert inputs.shape == targets.shape == (size, 14)
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
    assert task.dimensions == {"vocab": 12, "context": 14, "outputs": 12}


def test_only_what_something_earlier_tells_is_asked_under_repeats():
    options = {"vocabulary": 12, "shortest": 3, "longest": 6, "context": 14, "held_out": 20}
    every, known = repeats(**options), repeats(**options, targets="repeats")
    inputs, targets = known.held_out.take(torch.arange(20))
    assert torch.equal(every.held_out.take(torch.arange(20))[0], inputs)
    for row, answers in zip(inputs.tolist(), targets.tolist(), strict=True):
        for place, answer in enumerate(answers):
            seen = row[place] in row[:place]
            assert (answer != -100) == seen
            if seen:
                assert answer == row[row.index(row[place]) + 1]


def test_held_out_segments_are_not_trained_on_and_seeds_differ():
    task, other = build_task("repeats", {}), build_task("repeats", {"split_seed": 1})
    trained = {tuple(row) for row in task.train.take(torch.arange(4096))[0].tolist()}
    held_out = task.held_out.take(torch.arange(512))[0]
    assert not trained & {tuple(row) for row in held_out.tolist()}
    assert not torch.equal(held_out, other.held_out.take(torch.arange(512))[0])
    again = build_task("repeats", {}).held_out.take(torch.arange(512))[0]
    assert torch.equal(held_out, again)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shortest": 1}, "shortest: wants from 2 to longest = 16, got 1"),
        ({"shortest": 17}, "shortest: wants from 2 to longest = 16, got 17"),
        ({"vocabulary": 10}, "longest: wants at most the 10 tokens there are, got 16"),
        ({"context": 31}, "context: wants two copies, 32 or more, got 31"),
        ({"targets": "some"}, "targets: wants one of all, repeats, got 'some'"),
        ({"sequences": 0}, "sequences: wants a whole number from 1 up, got 0"),
        ({"split_seed": -1}, "split_seed: wants a whole number from 0 up, got -1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        repeats(**options)
