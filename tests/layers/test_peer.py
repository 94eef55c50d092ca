"""PEER: every expert scored one by one gives the same answer as product keys and lookups."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from interpretable_arch.layers.peer import PEER, PEERConfig
from interpretable_arch.layers.written_out import write_out


def tiny(keys: int = 9, heads: int = 1, k: int = 2, seed: int = 0) -> PEER:
    torch.manual_seed(seed)
    return PEER(PEERConfig(d_model=4, keys=keys, heads=heads, k=k, std=0.6)).double()


def by_hand(layer: PEER, x: torch.Tensor) -> torch.Tensor:
    """One token, one head after the other, the score of every one of M^2 experts looked at."""
    c, out = layer.config, torch.zeros_like(x)
    for t, token in enumerate(x):
        for h in range(c.heads):
            q = [token @ layer.W_Q[p, :, h] for p in range(2)]
            r = torch.stack([q[0] @ layer.K[0, i] + q[1] @ layer.K[1, j] for i, j in grid(c.keys)])
            chosen = r.argsort(descending=True)[: c.k]
            for gate, n in zip(r[chosen].softmax(0), chosen.tolist(), strict=True):
                i, j = divmod(n, c.keys)
                out[t] += gate * F.gelu(token @ layer.W_in[i, j]) * layer.W_out[i, j]
    return out


def grid(keys: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(keys) for j in range(keys)]


@settings(deadline=None, max_examples=25)
@given(keys=st.integers(2, 8), heads=st.integers(1, 3), data=st.data(), seed=st.integers(0, 2**16))
def test_equals_the_slow_reference_and_itself_under_vmap(keys, heads, data, seed):
    k = data.draw(st.integers(2, min(keys, 4)))
    layers = [tiny(keys, heads, k, seed + s) for s in range(2)]
    x = torch.randn(5, 4, dtype=torch.float64)
    wanted = torch.stack([by_hand(layer, x) for layer in layers])
    torch.testing.assert_close(torch.stack([layer(x) for layer in layers]), wanted)
    write_out(layers[0], True)
    values, buffers = torch.func.stack_module_state(layers)
    together = torch.func.vmap(
        lambda v, b: torch.func.functional_call(layers[0], (v, b), (x,)), in_dims=(0, 0)
    )(values, buffers)
    torch.testing.assert_close(together, wanted)


@pytest.mark.parametrize(("keys", "few"), [(5, True), (9, False)])
def test_both_paths_agree_in_value_and_gradient(float64, keys, few, monkeypatch):
    layer, x = tiny(keys), torch.randn(40, 4)
    looked_up, count = layer._looked_up, []
    monkeypatch.setattr(layer, "_looked_up", lambda *a: count.append(1) or looked_up(*a))
    layer(x).square().sum().backward()
    assert bool(count) is not few
    fast = {n: p.grad.clone() for n, p in layer.named_parameters()}
    layer.zero_grad()
    write_out(layer, True)
    torch.testing.assert_close(layer(x), by_hand(layer, x))
    layer(x).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad.any()
        torch.testing.assert_close(parameter.grad, fast[name])


def test_looking_up_keeps_the_type_under_autocast():
    layer = tiny().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(torch.randn(6, 4))
        layer.written_out = True
        other = layer(torch.randn(6, 4))
    assert out.isfinite().all()
    assert other.isfinite().all()


def test_route_sums_the_heads(float64):
    layer, x = tiny(keys=5, heads=3), torch.randn(2, 20, 4)
    routing = layer.route(x)
    assert routing.indices.shape == (2, 20, 6)
    assert routing.experts == layer.experts == 25
    torch.testing.assert_close(routing.dense(), layer.decompose(x).state["hook_gates"])
    torch.testing.assert_close(routing.dense().sum(-1), torch.full((2, 20), 3.0))


def test_one_token_by_hand(float64):
    layer = PEER(PEERConfig(d_model=1, keys=2, heads=1, k=2)).double()
    values = {
        "W_Q": [[[[1.0]]], [[[1.0]]]],
        "K": [[[0.0], [2.0]], [[0.0], [1.0]]],
        "W_in": [[[1.0], [2.0]], [[3.0], [4.0]]],
        "W_out": [[[1.0], [1.0]], [[10.0], [100.0]]],
    }
    layer.load_state_dict({n: torch.tensor(v) for n, v in values.items()})
    # Scores at x = 1: 0, 1, 2, 3; the last two have gates 1/(1+e) and e/(1+e).
    g = torch.tensor([2.0, 3.0]).softmax(0)
    h = F.gelu(torch.tensor([3.0, 4.0]))
    wanted = g[0] * h[0] * 10 + g[1] * h[1] * 100
    torch.testing.assert_close(layer(torch.ones(1, 1)), wanted.reshape(1, 1))


def test_a_token_is_routed_by_itself_and_the_same_way_always(float64):
    layer, x = tiny(), torch.randn(30, 4)
    training = layer.train()(x)
    assert torch.equal(training, layer.eval()(x))
    torch.testing.assert_close(layer(x[:1]), training[:1])
    torch.testing.assert_close(layer(x[0]), training[0])


@pytest.mark.parametrize("k", [0, 1, 6])
def test_k_must_fit_the_keys(k):
    with pytest.raises(ValueError, match=f"k: wanted 2 to keys = 5, got {k}"):
        PEERConfig(d_model=8, keys=5, k=k)


@pytest.mark.parametrize(("d_model", "d_key", "widest"), [(8, 5, 4), (3, 4, 3), (8, 0, 4)])
def test_a_query_wider_than_it_can_use_is_refused(d_model, d_key, widest):
    wanted = rf"d_key: wanted 1 to min\(d_model, keys - 1\) = {widest}, got {d_key}"
    with pytest.raises(ValueError, match=wanted):
        PEERConfig(d_model=d_model, keys=5, k=2, d_key=d_key)
    assert PEERConfig(d_model=d_model, keys=5, k=2).width == widest


def test_heads_must_be():
    with pytest.raises(ValueError, match="heads: wanted at least 1, got 0"):
        PEERConfig(d_model=4, heads=0)
