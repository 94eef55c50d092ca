"""SoLU against the formula written out, its recorded scale, and what it can't tell apart."""

import pytest
import torch

from interpretable_arch.hooks import record
from interpretable_arch.layers.solu import EPS, SoLU, SoLUConfig


@pytest.fixture
def layer() -> SoLU:
    torch.manual_seed(0)
    return SoLU(SoLUConfig(d_model=5, d_mlp=7, bias=True, std=0.6)).double()


def by_hand(layer: SoLU, x: torch.Tensor) -> torch.Tensor:
    rows = []
    for token in x:
        h = torch.stack([token @ layer.W_in[:, n] for n in range(7)]) + layer.b_in
        a = h * h.exp() / h.exp().sum()
        y = (a - a.mean()) / (a.var(unbiased=False) + EPS).sqrt()
        rows.append(sum(y[n] * layer.W_out[n] for n in range(7)) + layer.b_out)
    return torch.stack(rows)


def test_equals_the_formula_token_by_token(float64, layer):
    x = torch.randn(9, 5)
    torch.testing.assert_close(layer(x), by_hand(layer, x))


def test_it_is_torch_layer_norm_without_a_gain(float64, layer):
    x = torch.randn(9, 5)
    _, cache = record(layer, x, ["hook_pre", "hook_post"])
    pre = cache["hook_pre"]
    wanted = torch.nn.functional.layer_norm(pre * pre.softmax(-1), (7,), eps=EPS)
    torch.testing.assert_close(cache["hook_post"], wanted)


def test_a_gain_and_a_bias_of_the_norm_fold_exactly(float64, layer):
    x, gain, bias = torch.randn(9, 5), torch.rand(7), torch.randn(7)
    _, cache = record(layer, x, ["hook_post"])
    wanted = (cache["hook_post"] * gain + bias) @ layer.W_out + layer.b_out
    with torch.no_grad():
        layer.b_out += bias @ layer.W_out
        layer.W_out *= gain[:, None]
    torch.testing.assert_close(layer(x), wanted)


def test_the_scale_is_recorded(float64, layer):
    x = torch.randn(9, 5)
    _, cache = record(layer, x, ["hook_pre", "hook_post", "norm.hook_scale"])
    a = cache["hook_pre"] * cache["hook_pre"].softmax(-1)
    centred = a - a.mean(-1, keepdim=True)
    torch.testing.assert_close(cache["hook_post"] * cache["norm.hook_scale"], centred)


def test_small_activations_are_still_normed():
    """At the start of training: an epsilon of 1e-5 would leave a hundredth of this."""
    torch.manual_seed(0)
    layer = SoLU(SoLUConfig(d_model=64))
    _, cache = record(layer, torch.randn(50, 64), ["hook_post"])
    assert cache["hook_post"].std() > 0.8


def test_too_few_neurons_to_norm_are_refused():
    with pytest.raises(ValueError, match="d_mlp: wanted at least 3, got 2"):
        SoLUConfig(d_model=4, d_mlp=2)
