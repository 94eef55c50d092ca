"""The order of the data is a pure function of (order seed, step)."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.data import order
from training.data.order import batch_indices

sizes = st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))
seeds = st.integers(0, 1 << 40)


def row(length, batch, seed, steps):
    return torch.cat([batch_indices(length, batch, seed, step) for step in range(steps)])


@given(sizes, seeds)
def test_every_pass_is_a_permutation(size, seed):
    length, batch = size
    seen = row(length, batch, seed, 2 * length)[: 2 * length].reshape(2, length)
    assert torch.equal(seen.sort(dim=1).values, torch.arange(length).expand(2, -1))


@given(sizes, seeds, st.integers(0, 50))
def test_a_step_asked_for_alone_equals_the_same_step_in_sequence(size, seed, step):
    length, batch = size
    in_sequence = row(length, batch, seed, step + 1)[-batch:]
    order._block.cache_clear()
    assert torch.equal(batch_indices(length, batch, seed, step), in_sequence)


def test_seeds_and_passes_differ():
    first, second = (row(1000, 100, seed, 20).reshape(2, 1000) for seed in (0, 1))
    assert not torch.equal(first[0], second[0])
    assert not torch.equal(first[0], first[1])
    assert (first[0] == second[0]).float().mean() < 0.01


def test_the_first_batches_of_a_seed_stay_what_they_were():
    assert batch_indices(10, 4, 0, 0).tolist() == [4, 6, 2, 7]


def test_a_long_stream_is_drawn_with_replacement_in_keyed_blocks(monkeypatch):
    monkeypatch.setattr(order, "LONGEST_SHUFFLE", 64)
    order._block.cache_clear()
    drawn = row(1000, 48, 3, 1000)
    order._block.cache_clear()
    assert torch.equal(batch_indices(1000, 48, 3, 501), drawn[501 * 48 : 502 * 48])
    assert drawn.min() >= 0
    assert drawn.max() < 1000
    assert len(drawn.unique()) == 1000
    counts = torch.bincount(drawn, minlength=1000).double()
    # Poisson: the variance of a count equals its mean of 48.
    assert counts.var().item() == pytest.approx(48, rel=0.2)


def test_the_full_batch_is_in_order():
    assert batch_indices(5, None, 7, 9).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((5, 6, 0, 0), "batch_size: wants 1 to 5 .* got 6"),
        ((5, 0, 0, 0), "batch_size: wants 1 to 5 .* got 0"),
        ((5, 2, -1, 0), "order_seed and step: want 0 or more, got -1 and 0"),
        ((5, 2, 0, -1), "order_seed and step"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        batch_indices(*arguments)
