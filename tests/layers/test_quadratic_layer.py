"""The quadratic layer: its forms, that they turn with the stream, and where it may stand."""

from typing import Any

import pytest
import torch

from interpretable_arch import build
from interpretable_arch.layers.quadratic_form import QuadraticForm, QuadraticFormConfig
from interpretable_arch.symmetry import weights

SIZES = {"features": 4, "outputs": 3}


@pytest.mark.parametrize("bias", [False, True])
def test_every_output_direction_is_its_quadratic_form(float64, bias):
    torch.manual_seed(0)
    layer = QuadraticForm(QuadraticFormConfig(5, 3, bias, std=0.5)).double()
    x, u = torch.randn(2, 7, 5), torch.randn(3)
    affine = 0.0 if layer.W is None or layer.b is None else (x @ layer.W + layer.b) @ u
    torch.testing.assert_close(layer(x) @ u, layer.eigenfeatures(u).form(x) + affine)
    Q = layer.interaction(u)
    torch.testing.assert_close(Q, Q.T, rtol=0, atol=0)


def test_it_turns_with_the_stream_of_a_transformer(float64, generator):
    torch.manual_seed(0)
    sizes = {"vocab": 7, "context": 5}
    given = {"d_model": 4, "heads": 2, "layers": 1, "std": 0.5}
    model: Any = build("transformer", {**given, "mlp": {"class_path": "quadratic_layer"}}, sizes)
    model.double()
    with torch.no_grad():
        for value in model.parameters():
            if not value.any():
                value.normal_(std=0.3)
    symmetry, values, x = model.symmetry(), weights(model), torch.randint(7, (9, 5))
    assert symmetry.factors[0].name == "stream"
    moved = symmetry.act(symmetry.sample(generator), values)
    after = torch.func.functional_call(model, moved, (x,))
    torch.testing.assert_close(after, model(x))
    assert symmetry.distance(values, moved) < 1e-9
    first, second = symmetry.canonical(values), symmetry.canonical(moved)
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=1e-7, atol=1e-8)
    M = first["blocks.0.mlp.M"]
    torch.testing.assert_close(M, M.transpose(0, 1))


def test_it_is_the_head_of_a_classifier(float64):
    torch.manual_seed(0)
    model: Any = build("feedforward", {"head": {"class_path": "quadratic_layer"}}, SIZES).double()
    x = torch.randn(6, 4)
    parts = model.decompose(x)
    assert parts.exactness.tier == "unconditional"
    torch.testing.assert_close(parts.total(), model(x))
