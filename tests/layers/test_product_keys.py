"""Product keys: the best pairs are the best of all pairs, gates sum to 1, keys may swap."""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpretable_arch.layers.product_keys import (
    OneKey,
    Transposed,
    best_pairs,
    check_k,
    merged,
    sparse_softmax,
    summed,
)


@settings(deadline=None, max_examples=40)
@given(keys=st.integers(2, 9), data=st.data(), seed=st.integers(0, 2**16))
def test_the_best_pairs_are_the_best_of_all(keys, data, seed):
    k = data.draw(st.integers(1, keys))
    first, second = torch.randn(
        2, 3, 4, keys, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    best, indices = best_pairs(first, second, k)
    everything = (first[..., :, None] + second[..., None, :]).flatten(-2)
    wanted = everything.topk(k, -1)
    torch.testing.assert_close(best, wanted.values)
    torch.testing.assert_close(everything.gather(-1, indices), wanted.values)
    assert all(len(set(row)) == k for row in indices.flatten(0, -2).tolist())


def test_best_pairs_by_hand():
    first, second = torch.tensor([1.0, 4.0, 0.0]), torch.tensor([0.5, 0.0, 3.0])
    best, indices = best_pairs(first, second, 2)
    assert best.tolist() == [7.0, 4.5]
    assert indices.tolist() == [1 * 3 + 2, 1 * 3 + 0]


def test_gates_by_hand_sum_to_one_over_exactly_k_even_when_tied():
    r = torch.tensor([math.log(3.0), math.log(1.0), math.log(2.0)])
    torch.testing.assert_close(sparse_softmax(r, 2), torch.tensor([0.6, 0.0, 0.4]))
    tied = sparse_softmax(torch.zeros(4, 5), 3)
    assert tied.gt(0).sum(-1).eq(3).all()
    torch.testing.assert_close(tied.sum(-1), torch.ones(4))


def test_experts_that_two_heads_call_get_both_gates():
    indices, gates = torch.tensor([[3, 1, 3, 0]]), torch.tensor([[0.7, 0.3, 0.6, 0.4]])
    dense = summed(indices, gates, 5)
    torch.testing.assert_close(dense, torch.tensor([[0.4, 0.3, 0.0, 1.3, 0.0]]))
    routing = merged(dense, 4)
    assert routing.indices[0, :3].tolist() == [3, 0, 1]
    assert len(set(routing.indices[0].tolist())) == 4
    torch.testing.assert_close(routing.dense(), dense)


@pytest.mark.parametrize("k", [0, 1, 6])
def test_k_must_fit_the_keys(k):
    with pytest.raises(ValueError, match=f"k: wanted 2 to keys = 5, got {k}"):
        check_k(k, 5)


def test_swapping_the_keys_transposes_the_grid_and_back():
    grid = torch.randn(3, 3, 4)
    action = Transposed("W", 0)
    swapped = action.unview(action.view(grid)[:, [1, 0]], grid)
    torch.testing.assert_close(swapped, grid.transpose(0, 1))
    torch.testing.assert_close(action.unview(action.view(grid), grid), grid)


def test_an_action_on_one_key_leaves_the_other():
    keys = torch.randn(2, 3, 4)
    action = OneKey("K", 0, which=1)
    moved = action.unview(action.view(keys)[:, [2, 0, 1]], keys)
    torch.testing.assert_close(moved, torch.stack((keys[0], keys[1][[2, 0, 1]])))


COMPILED = """
import torch
from interpretable_arch.registry import ENTRIES
torch.manual_seed(0)
sizes = {
    "mxd": {"experts": 6, "k": 2, "d_mlp": 5},
    "monet_horizontal": {"keys": 4, "k": 2, "d_expert": 2},
    "monet_vertical": {"keys": 4, "k": 2, "d_expert": 2},
    "peer": {"keys": 9, "heads": 1, "k": 2},
}
for name, given in sizes.items():
    config, kind = ENTRIES[name].load()
    layer = kind(config(d_model=8, std=0.5, **given)).double()
    x = torch.randn(40, 8, dtype=torch.float64)
    for layer.written_out in (False, True):
        got, grads = [], []
        for call in (layer, torch.compile(layer, backend="aot_eager", fullgraph=True)):
            layer.zero_grad()
            out = call(x)
            out.square().sum().backward()
            got.append(out.detach())
            grads.append([p.grad.clone() for p in layer.parameters()])
        torch.testing.assert_close(*got)
        torch.testing.assert_close(*grads)
"""


def test_compiled_experts_agree_without_a_break_in_the_graph():
    """In a process of its own: the shape checks of the test run cannot be compiled through."""
    command = [sys.executable, "-c", COMPILED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
