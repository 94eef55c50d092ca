"""Mixture of decoders: each expert is one full-rank map, and the sum of them is the layer."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from interpretable_arch.edits import Edit, edited
from interpretable_arch.layers.mxd import MxD, MxDConfig


def tiny(k: int = 2, experts: int = 6, seed: int = 0) -> MxD:
    torch.manual_seed(seed)
    layer = MxD(MxDConfig(d_model=4, experts=experts, k=k, d_mlp=5, std=0.6)).double()
    with torch.no_grad():
        layer.b.normal_(std=0.3)
        layer.b_0.normal_()
    return layer


def by_hand(layer: MxD, x: torch.Tensor) -> torch.Tensor:
    """One token after the other, each chosen expert's matrix W_n = D diag(c_n) built."""
    out = torch.zeros_like(x)
    for t, token in enumerate(x):
        called = (token @ layer.G + layer.b).clamp_min(0)
        z = F.gelu(token @ layer.E)
        out[t] = layer.b_0
        for n in called.argsort(descending=True)[: layer.config.k]:
            out[t] += called[n] * (z @ (layer.D @ torch.diag(layer.C[n])))
    return out


@settings(deadline=None, max_examples=25)
@given(experts=st.integers(1, 7), data=st.data(), seed=st.integers(0, 2**16))
def test_equals_the_slow_reference_and_itself_under_vmap(experts, data, seed):
    k = data.draw(st.integers(1, experts))
    layers = [tiny(k, experts, seed + s) for s in range(2)]
    x = torch.randn(9, 4, dtype=torch.float64)
    wanted = torch.stack([by_hand(layer, x) for layer in layers])
    torch.testing.assert_close(torch.stack([layer(x) for layer in layers]), wanted)
    values, buffers = torch.func.stack_module_state(layers)
    together = torch.func.vmap(
        lambda v, b: torch.func.functional_call(layers[0], (v, b), (x,)), in_dims=(0, 0)
    )(values, buffers)
    torch.testing.assert_close(together, wanted)


def test_one_number_by_hand():
    layer = MxD(MxDConfig(d_model=1, experts=2, k=1, d_mlp=1)).double()
    values = {"G": [[2.0, 1.0]], "b": [0.0, 0.5], "E": [[1.0]], "C": [[3.0], [-1.0]]}
    values |= {"D": [[0.5]], "b_0": [0.25]}
    layer.load_state_dict({n: torch.tensor(v).double() for n, v in values.items()})
    x = torch.tensor([[1.0], [-0.2], [-1.0]]).double()
    z = F.gelu(x[:, 0])
    # 2 and 1.5: the first; nothing and 0.3: the second; nothing at all.
    wanted = 0.25 + torch.stack((2 * 3 * z[0] / 2, 0.3 * -1 * z[1] / 2, 0 * z[2]))
    torch.testing.assert_close(layer(x)[:, 0], wanted)


def test_experts_are_of_full_rank(float64):
    layer = tiny()
    for part in layer.decompose(torch.randn(3, 4)).components[:-1]:
        assert torch.linalg.matrix_rank(part.direction) == 4


def test_decoders_never_start_at_zero_so_that_every_parameter_learns(float64):
    torch.manual_seed(0)
    layer = MxD(MxDConfig(d_model=8, experts=6, k=3)).double()
    layer(torch.randn(64, 8)).square().sum().backward()
    assert all(p.grad.any() for p in layer.parameters())
    assert layer.C.any()
    assert layer.D.any()


@pytest.mark.parametrize("name", ["std", "std_out"])
def test_decoders_of_zeros_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}: wanted above 0, got 0.0; decoders of zeros"):
        MxDConfig(d_model=4, **{name: 0.0})


@pytest.mark.parametrize("k", [0, 5])
def test_k_must_fit_the_experts(k):
    with pytest.raises(ValueError, match=f"k: wanted 1 to experts = 4, got {k}"):
        MxDConfig(d_model=4, experts=4, k=k)


def test_the_choice_is_deterministic_in_eval_and_in_training(float64):
    layer, x = tiny(), torch.randn(20, 4)
    training = layer.train()(x)
    assert torch.equal(training, layer(x))
    assert torch.equal(training, layer.eval()(x))


def test_route_says_what_is_called(float64):
    layer, x = tiny(), torch.randn(3, 7, 4)
    routing = layer.route(x)
    assert routing.indices.shape == (3, 7, 2)
    assert routing.experts == layer.experts == 6
    parts = layer.decompose(x)
    torch.testing.assert_close(routing.dense(), parts.state["hook_gates"])
    assert routing.dense().gt(0).sum(-1).max() == 2


def test_the_bias_can_be_edited_too(float64):
    layer, x = tiny(), torch.randn(5, 4)
    with edited(layer, Edit.ablate("bias")):
        torch.testing.assert_close(layer(x), by_hand(layer, x) - layer.b_0)


def test_one_experts_scale_hides_until_the_choice_moves(float64):
    """Why the declared group is smaller than the Jacobian's corank: see `flat_while_chosen`."""
    layer, x = tiny(), torch.randn(2000, 4)
    before, chosen = layer(x), layer.route(x).dense() > 0
    with torch.no_grad():
        layer.G[:, 0] *= 3
        layer.b[0] *= 3
        layer.C[0] /= 3
    same = (chosen == (layer.route(x).dense() > 0)).all(-1)
    assert 0.2 < same.double().mean() < 0.98
    torch.testing.assert_close(layer(x)[same], before[same])
    assert (layer(x) - before)[~same].norm(dim=-1).median() > 0.05
    assert layer.flat_while_chosen == 5
    assert tiny(k=6).flat_while_chosen == 0
