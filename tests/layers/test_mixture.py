"""The sparse mixture: dropless, one answer by both paths, balanced without a loss."""

import pytest
import torch
from torch.nn import functional as F

from interpretable_arch.layers.mixture import Mixture, MixtureConfig
from interpretable_arch.layers.written_out import write_out


@pytest.fixture
def layer() -> Mixture:
    torch.manual_seed(0)
    return Mixture(MixtureConfig(d_model=8, experts=5, k=2, d_expert=6, std=0.5)).double()


def by_hand(layer: Mixture, x: torch.Tensor) -> torch.Tensor:
    """One token after the other, one expert after the other."""
    out = torch.zeros_like(x)
    for t, token in enumerate(x):
        r = token @ layer.W_r
        chosen = (r + layer.balance).topk(layer.config.k).indices
        gates = r[chosen].softmax(0)
        for gate, e in zip(gates, chosen, strict=True):
            out[t] += gate * (F.gelu(token @ layer.W_in[e]) @ layer.W_out[e])
    return out


@pytest.mark.parametrize("biased", [False, True])
def test_both_paths_equal_the_slow_reference(float64, layer, biased):
    if biased:
        layer.balance.copy_(torch.randn(5))
    x = torch.randn(40, 8)
    wanted = by_hand(layer, x)
    torch.testing.assert_close(layer(x), wanted)
    write_out(layer, True)
    torch.testing.assert_close(layer(x), wanted)


def test_gradients_agree_too(float64, layer):
    x = torch.randn(40, 8)
    layer(x).square().sum().backward()
    sorted_path = {n: p.grad.clone() for n, p in layer.named_parameters()}
    layer.zero_grad()
    write_out(layer, True)
    layer(x).square().sum().backward()
    for name, parameter in layer.named_parameters():
        torch.testing.assert_close(parameter.grad, sorted_path[name])


def test_no_token_is_dropped_even_when_all_want_one_expert(float64, layer):
    with torch.no_grad():
        layer.W_r.zero_()
        layer.W_r[:, 3] = 1.0
    x = torch.rand(64, 8)
    gates = layer.gates(x)
    assert (gates > 0).sum(-1).eq(2).all()
    assert gates[:, 3].gt(0).all()
    torch.testing.assert_close(gates.sum(-1), torch.ones(64))
    torch.testing.assert_close(layer(x), by_hand(layer, x))


def test_the_bias_selects_and_never_weighs(float64, layer):
    x = torch.randn(16, 8)
    r = x @ layer.W_r
    layer.balance.copy_(torch.tensor([100.0, 100.0, 0.0, 0.0, 0.0]))
    gates = layer.gates(x)
    torch.testing.assert_close(gates[:, :2], r[:, :2].softmax(-1))


def test_balance_moves_towards_the_idle_and_is_recentred(layer):
    load = torch.tensor([[0.5, 0.3, 0.2, 0.0, 0.0], [0.2, 0.2, 0.2, 0.2, 0.2]])
    before = torch.zeros(2, 5)
    after = layer.settle({"balance": before}, {"load": load})["balance"]
    torch.testing.assert_close(after.sum(-1), torch.zeros(2))
    assert after[0, 0] < after[0, 3]
    torch.testing.assert_close(after[1], torch.zeros(5))


def test_load_counts_assignments(float64, layer):
    x = torch.randn(32, 8)
    gates = layer.gates(x)
    wanted = (gates > 0).double().sum(0) / (32 * 2)
    torch.testing.assert_close(layer.statistics()["load"], wanted)


def test_a_single_chosen_expert_is_refused_as_its_gate_would_be_constant():
    with pytest.raises(ValueError, match="k: wanted 2 to experts = 4, got 1; one gate alone"):
        MixtureConfig(d_model=4, experts=4, k=1)


def test_the_router_gets_a_gradient(float64, layer):
    layer(torch.randn(8, 8)).square().sum().backward()
    assert layer.W_r.grad.any()
