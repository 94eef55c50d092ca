"""The bilinear layer: one quadratic form per output direction, and nothing that has to be held."""

import pytest
import torch

from interpretable_arch.hooks import record
from interpretable_arch.layers.bilinear import Bilinear, BilinearConfig
from interpretable_arch.layers.norms import RMSNorm
from interpretable_arch.models.transformer import Transformer, TransformerConfig


def layer(bias: bool = False, d_out: int | None = None, d_hidden: int = 5) -> Bilinear:
    torch.manual_seed(0)
    built = Bilinear(BilinearConfig(6, d_hidden, d_out, bias, std=0.5)).double()
    if built.b_in is not None:
        torch.nn.init.normal_(built.b_in)
    return built


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("d_hidden", [2, 9])
@torch.no_grad()
def test_every_output_direction_is_its_quadratic_form(float64, bias, d_hidden):
    built, x, u = layer(bias, 4, d_hidden), torch.randn(3, 7, 6), torch.randn(4)
    y, Q, found = built(x) @ u, built.interaction(u), built.eigenfeatures(u)
    full = torch.cat([x, torch.ones(3, 7, 1)], -1) if bias else x
    torch.testing.assert_close(Q, Q.T, rtol=0, atol=0)
    torch.testing.assert_close(torch.einsum("...d,de,...e->...", full, Q, full), y)
    torch.testing.assert_close(found.form(built.homogeneous(x)), y)
    assert len(found.values) == min(full.shape[-1], 2 * d_hidden)


@torch.no_grad()
def test_by_hand(float64):
    built = Bilinear(BilinearConfig(d_model=2, d_hidden=1, d_out=1, bias=True)).double()
    built.W_in.copy_(torch.tensor([[[1.0], [2.0]], [[3.0], [0.0]]]))
    built.W_out.fill_(2.0)
    assert built.b_in is not None
    built.b_in.copy_(torch.tensor([[1.0], [-1.0]]))
    # 2 (x0 + 2 x1 + 1)(3 x0 - 1) at (1, 2): 2 * 6 * 2.
    torch.testing.assert_close(built(torch.tensor([1.0, 2.0])), torch.tensor([24.0]))


@torch.no_grad()
def test_trap_a_norm_divides_the_form_by_its_stored_scale_squared(float64):
    built, norm, x, u = layer(), RMSNorm(), 3 * torch.randn(5, 6), torch.randn(6)
    normed, cache = record(norm, x)
    scale = cache["hook_scale"].squeeze(-1)
    form = built.eigenfeatures(u).form(x)
    torch.testing.assert_close(built(normed) @ u, form / scale.square())
    assert not torch.allclose(built(normed) @ u, form, rtol=0.1)
    # The scale of another input is not good enough either.
    assert not torch.allclose(built(normed) @ u, form / scale.roll(1).square(), rtol=0.01)


@torch.no_grad()
def test_sides_scales_and_signs_of_single_neurons_are_found_by_alignment(float64):
    built = layer(bias=True)
    values = {n: p.detach() for n, p in built.named_parameters()}
    moved = {n: v.clone() for n, v in values.items()}
    moved["W_in"][:, :, 1] = moved["W_in"][:, :, 1].flip(0)
    moved["b_in"][:, 1] = moved["b_in"][:, 1].flip(0)
    for name in ("W_in", "b_in"):
        moved[name][0, ..., 2] *= -3.0
        moved[name][1, ..., 2] *= 0.5
    moved["W_out"][2] /= -1.5
    x = torch.randn(8, 6)
    torch.testing.assert_close(torch.func.functional_call(built, moved, (x,)), built(x))
    assert built.symmetry().distance(values, moved) <= 1e-10
    first, second = built.symmetry().canonical(values), built.symmetry().canonical(moved)
    for name, value in first.items():
        torch.testing.assert_close(second[name], value)


@torch.no_grad()
def test_canonical_factors_and_writes_share_one_norm(float64):
    built = layer(d_out=4)
    canonical = built.symmetry().canonical({n: p.detach() for n, p in built.named_parameters()})
    norms = torch.cat([canonical["W_in"].norm(dim=1), canonical["W_out"].norm(dim=1)[None]])
    torch.testing.assert_close(norms, norms[:1].expand(3, -1))


@torch.no_grad()
def test_in_the_mlps_place_it_turns_with_the_stream(float64, generator):
    torch.manual_seed(0)
    part = {"class_path": "bilinear", "init_args": {"d_hidden": 5}}
    config = TransformerConfig(7, 5, d_model=6, layers=1, heads=2, std=0.5, mlp=part)
    model = Transformer(config).double().eval()
    tokens = model.example_inputs(4, generator)
    symmetry = model.symmetry()
    values = {n: p.detach() for n, p in model.named_parameters()}
    moved = symmetry.act(symmetry.sample(generator), values)
    torch.testing.assert_close(torch.func.functional_call(model, moved, (tokens,)), model(tokens))
    assert symmetry.distance(values, moved) <= 1e-8
    assert model.decompose(tokens).relative_error(model(tokens)) <= 1e-10


@pytest.mark.parametrize("name", ["d_model", "d_hidden", "d_out"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}: wanted at least 1, got 0"):
        BilinearConfig(**{"d_model": 3, name: 0})
