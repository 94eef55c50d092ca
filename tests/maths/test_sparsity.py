"""Exact counts, every neuron's floor, ties by place: what is kept of a matrix."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interpretable_arch.maths.sparsity import abs_topk_mask, density_at, kept_weights, largest


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_the_count_is_exact_even_when_all_are_equal(neurons, fan, data):
    least = data.draw(st.integers(0, fan))
    count = data.draw(st.integers(0, neurons * fan))
    values = torch.tensor(data.draw(st.lists(st.integers(-2, 2), min_size=1))).float()
    weights = values.repeat(neurons * fan)[: neurons * fan].reshape(neurons, fan)
    kept = kept_weights(weights, count, least, fan=-1)
    assert int(kept.sum()) == max(count, least * neurons)
    assert int(kept.sum(1).min()) >= least


def test_no_allowed_set_of_the_same_size_keeps_more():
    """Against every subset: the sum of |w| is the largest that the floor allows."""
    weights = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    kept = kept_weights(weights, count=4, least=1, fan=-1)
    best = max(
        float(weights.abs().flatten()[list(chosen)].sum())
        for chosen in itertools.combinations(range(9), 4)
        if len({c // 3 for c in chosen}) == 3
    )
    assert float(weights[kept].abs().sum()) == pytest.approx(best)


def test_by_hand():
    weights = torch.tensor([[5.0, -4.0, 3.0], [0.2, 0.1, -0.3]])
    wanted = torch.tensor([[True, True, False], [False, False, True]])
    assert torch.equal(kept_weights(weights, 3, 1, fan=-1), wanted)
    no_floor = torch.tensor([[True, True, True], [False, False, False]])
    assert torch.equal(kept_weights(weights, 3, 0, fan=-1), no_floor)


def test_of_equal_weights_the_first_is_kept():
    assert torch.equal(
        kept_weights(torch.ones(2, 3), 2, 0, fan=-1),
        torch.tensor([[True, True, False], [False, False, False]]),
    )
    # In order of neuron: along the other axis the first neuron is the first column.
    assert torch.equal(
        kept_weights(torch.ones(2, 3), 2, 0, fan=-2),
        torch.tensor([[True, False, False], [True, False, False]]),
    )


def test_the_neuron_axis_differs_by_matrix():
    weights = torch.tensor([[9.0, 1.0], [8.0, 2.0]])
    rows, columns = (kept_weights(weights, 2, 1, fan) for fan in (-1, -2))
    assert torch.equal(rows, torch.tensor([[True, False], [True, False]]))
    assert torch.equal(columns, torch.tensor([[True, False], [False, True]]))


def test_each_seed_by_itself():
    weights = torch.randn(4, 2, 3, 5, generator=torch.Generator().manual_seed(0))
    together = kept_weights(weights, 7, 1, fan=-2, seed_axes=1)
    for one, kept in zip(weights, together, strict=True):
        assert torch.equal(kept_weights(one, 7, 1, fan=-2), kept)
        assert int(kept.sum()) == max(7, 2 * 5)


def test_density_falls_linearly_between_its_steps():
    got = [density_at(step, 10, 20, 0.2) for step in (0, 10, 15, 20, 99)]
    assert got == pytest.approx([1, 1, 0.6, 0.2, 0.2])


def test_abs_topk_keeps_the_largest_of_either_sign():
    x = torch.tensor([[0.1, -3.0, 2.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    wanted = torch.tensor([[0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    assert torch.equal(abs_topk_mask(x, 2), wanted)
    assert torch.equal(torch.func.vmap(lambda row: abs_topk_mask(row, 2))(x), wanted)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="count: wanted 0 to 3, the entries of a row, got 4"):
        largest(torch.zeros(2, 3), 4)
    with pytest.raises(ValueError, match="least: wanted 0 to 3, a neuron's weights, got 4"):
        kept_weights(torch.zeros(2, 3), 1, 4, fan=-1)
