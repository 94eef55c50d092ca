"""Splits and streams, and the task that holds them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.data.task import Split, Stream, Task, split_examples, split_indices


@given(st.integers(2, 300), st.floats(0, 1), st.integers(0, 100))
def test_a_split_is_a_partition_and_a_function_of_its_seed(count, share, seed):
    if not 0 < round(share * count) < count:
        with pytest.raises(ValueError, match="leaves"):
            split_indices(count, share, seed)
        return
    first, second = split_indices(count, share, seed)
    assert len(first) == round(share * count)
    assert torch.equal(torch.cat([first, second]).sort().values, torch.arange(count))
    assert torch.equal(first, split_indices(count, share, seed)[0])


def test_split_seeds_differ():
    assert not torch.equal(split_indices(100, 0.5, 0)[0], split_indices(100, 0.5, 1)[0])


def test_examples_keep_their_targets():
    inputs = torch.arange(20).reshape(10, 2)
    for part in split_examples(inputs, inputs.sum(1), 0.3):
        assert torch.equal(part.inputs.sum(1), part.targets)


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (0.0, "takes 0 and leaves 10"),
        (1.0, "takes 10 and leaves 0"),
        (0.01, "takes 0 and leaves 10"),
        (1.2, "share: wants a number between 0 and 1, got 1.2"),
        (float("nan"), "share: wants a number between 0 and 1, got nan"),
    ],
)
def test_a_share_that_leaves_nothing_is_refused_with_the_counts(share, message):
    with pytest.raises(ValueError, match=message):
        split_examples(torch.zeros(10, 2), torch.zeros(10), share)


def test_taking_keeps_the_leading_axes():
    split = Split(torch.arange(10).reshape(5, 2), torch.arange(5))
    inputs, targets = split.take(torch.tensor([[0, 4, 1], [2, 2, 3]]))
    assert inputs.shape == (2, 3, 2)
    assert targets.tolist() == [[0, 4, 1], [2, 2, 3]]


def test_a_window_is_followed_by_its_next_tokens():
    stream = Stream(torch.tensor([5, 6, 7, 8, 9]), torch.tensor([0, 2]), 2)
    inputs, targets = stream.take(torch.tensor([[1], [0]]))
    assert inputs.tolist() == [[[7, 8]], [[5, 6]]]
    assert targets.tolist() == [[[8, 9]], [[6, 7]]]


def test_a_task_wants_a_label_for_each_output_and_data_in_both_parts():
    full = Split(torch.zeros(2, 1), torch.zeros(2))
    empty = Split(torch.zeros(0, 1), torch.zeros(0))
    with pytest.raises(ValueError, match="labels: wants one for each of 3 outputs, got 2"):
        Task("t", full, full, 3, ("a", "b"), {})
    with pytest.raises(ValueError, match="held_out: wants at least one"):
        Task("t", full, empty, 2, ("a", "b"), {})


def test_a_task_moves_whole():
    part = Split(torch.zeros(2, 1), torch.zeros(2))
    stream = Stream(torch.arange(4), torch.arange(2), 2)
    moved = Task("t", part, stream, 1, ("a",), {}).to("meta")
    assert {moved.train.inputs.device.type, moved.held_out.tokens.device.type} == {"meta"}
    assert moved.probe.inputs.device.type == "meta"
