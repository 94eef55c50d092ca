"""AbsTopK around a layer: few coordinates read, few written, each with its own value."""

import pytest
import torch

from interpretable_arch.layers.abs_topk import AbsTopK, AbsTopKConfig
from interpretable_arch.registry import build

MLP = {"class_path": "mlp", "init_args": {"d_mlp": 5}}


def cut(x: torch.Tensor, k: int) -> torch.Tensor:
    out = torch.zeros_like(x)
    for row, kept in zip(x, out, strict=True):
        for i in sorted(range(len(row)), key=lambda i: -abs(float(row[i])))[:k]:
            kept[i] = row[i]
    return out


@torch.no_grad()
def test_equals_the_cut_layer_of_the_cut_input(float64):
    torch.manual_seed(0)
    layer = AbsTopK(AbsTopKConfig(8, 3, MLP, std=0.5))
    x = torch.randn(20, 8)
    torch.testing.assert_close(layer(x), cut(layer.layer(cut(x, 3)), 3))
    assert layer(x).ne(0).sum(-1).le(3).all()


def test_all_coordinates_leave_the_layer_as_it_is(float64):
    torch.manual_seed(0)
    layer = AbsTopK(AbsTopKConfig(8, 8, MLP, std=0.5))
    x = torch.randn(20, 8)
    torch.testing.assert_close(layer(x), layer.layer(x))


def test_what_is_cut_gets_no_gradient(float64):
    torch.manual_seed(0)
    layer = AbsTopK(AbsTopKConfig(8, 3, MLP, std=0.5))
    x = torch.randn(20, 8, requires_grad=True)
    layer(x).square().sum().backward()
    assert torch.equal(x.grad.ne(0), cut(x.detach(), 3).ne(0))


def test_more_coordinates_than_there_are_is_refused():
    with pytest.raises(ValueError, match="k: wanted 1 to d_model = 4, got 5"):
        AbsTopKConfig(d_model=4, k=5)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"init_args": {}}, "layer: wanted a mapping of class_path and init_args, got"),
        ({**MLP, "args": {}}, "layer: wanted a mapping of class_path and init_args, got"),
        ({"class_path": "attention"}, "layer: .* attention wants positions in order"),
        ({"class_path": "row_senses"}, "layer: .* row_senses wants tokens"),
        (
            {"class_path": "bilinear", "init_args": {"d_out": 1}},
            r"layer: wanted a layer from \[\.\., 4\] to \[\.\., 4\], but bilinear gives",
        ),
        ({"class_path": "mlp", "init_args": {"d_model": 7}}, "layer: .* but mlp can't read it"),
    ],
)
def test_a_layer_that_can_not_stand_inside_is_one_clear_line(layer, message):
    with pytest.raises(ValueError, match=message) as caught:
        AbsTopK(AbsTopKConfig(4, 2, layer))
    assert "\n" not in str(caught.value)


def test_what_is_kept_must_be_held_whatever_the_layer_promises(float64):
    layer = AbsTopK(AbsTopKConfig(4, 2, {"class_path": "bilinear"}, std=0.5))
    assert layer.layer.decompose(torch.randn(3, 4)).exactness.tier == "unconditional"
    assert layer.decompose(torch.randn(3, 4)).exactness.tier == "given"


def test_a_transformer_takes_it_by_name():
    mlp = {"class_path": "abs_topk", "init_args": {"k": 2, "layer": {"class_path": "solu"}}}
    sizes = {"d_model": 6, "heads": 2, "layers": 1, "bias": True, "mlp": mlp}
    model = build("transformer", sizes, {"vocab": 7, "context": 5})
    tokens = torch.randint(7, (3, 5))
    torch.testing.assert_close(model.decompose(tokens).total(), model(tokens))
