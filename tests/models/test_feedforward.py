"""Layers on plain features: what they compute, which promise they keep and who sets it."""

import pytest
import torch

from interpretable_arch.models.feedforward import FeedForward, FeedForwardConfig
from interpretable_arch.registry import build

BILINEAR = {"class_path": "bilinear", "init_args": {"d_hidden": 3}}
MLP = {"class_path": "mlp", "init_args": {"d_mlp": 5}}


def model(outputs: int = 3, **arguments) -> FeedForward:
    torch.manual_seed(0)
    return FeedForward(FeedForwardConfig(4, outputs, **arguments)).double()


@torch.no_grad()
def test_a_bilinear_head_alone_is_the_layer_itself(float64):
    alone, x = model(head=BILINEAR), torch.randn(5, 4)
    W_l, W_r = alone.head.W_in
    torch.testing.assert_close(alone(x), ((x @ W_l) * (x @ W_r)) @ alone.head.W_out)
    assert [n for n, _ in alone.named_parameters()] == ["head.W_in", "head.W_out"]


@torch.no_grad()
def test_layers_add_to_the_features_and_the_unembedding_reads_them(float64):
    built, x = model(layers=[BILINEAR, MLP]), torch.randn(5, 4)
    stream = x + built.layers[0](x)
    stream = stream + built.layers[1](stream)
    torch.testing.assert_close(built(x), stream @ built.W_U)


@pytest.mark.parametrize(
    ("arguments", "tier", "set_by"),
    [
        ({"head": BILINEAR}, "unconditional", ("head",)),
        ({"layers": [BILINEAR]}, "unconditional", ("layers.0",)),
        ({}, "unconditional", ()),
        ({"layers": [MLP]}, "given", ("layers.0",)),
        ({"layers": [BILINEAR, MLP]}, "given", ("layers.1",)),
        ({"layers": [MLP], "head": BILINEAR}, "given", ("layers.0",)),
        ({"layers": [BILINEAR, BILINEAR]}, "given", ("layers.0",)),
    ],
)
@torch.no_grad()
def test_the_promise_is_composed_and_names_the_layer_that_sets_it(float64, arguments, tier, set_by):
    built, x = model(**arguments), torch.randn(5, 4)
    parts = built.decompose(x)
    assert (parts.exactness.tier, parts.exactness.set_by) == (tier, set_by)
    assert parts.relative_error(built(x)) <= 1e-12
    assert tuple(parts.state) == parts.exactness.state
    assert bool(parts.state) == (tier == "given")


class Wrapped(torch.nn.Module):
    """Another layer inside a module that says nothing about it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.inside = build(name, {}, {"d_model": 4}, "layers")


LAYERS = [
    "mlp",
    "mlp_tanh",
    "bilinear",
    {"class_path": "mixture", "init_args": {"experts": 3, "k": 2, "d_expert": 3}},
]


@pytest.mark.parametrize("first", LAYERS, ids=str)
@pytest.mark.parametrize("second", LAYERS, ids=str)
@torch.no_grad()
def test_any_layer_of_the_mlps_place_drops_in(float64, generator, first, second):
    layers = [p if isinstance(p, dict) else {"class_path": p} for p in (first, second)]
    built, x = model(outputs=5, layers=layers), torch.randn(5, 4)
    assert built.decompose(x).relative_error(built(x)) <= 1e-12
    values = {n: v.detach() for n, v in built.state_dict().items()}
    moved = built.symmetry().act(built.symmetry().sample(generator), values)
    torch.testing.assert_close(torch.func.functional_call(built, moved, (x,)), built(x))


def test_it_is_built_from_the_task_sizes_alone():
    sizes = {"features": 6, "outputs": 2, "order": 9}
    built = build("feedforward", {"head": BILINEAR}, sizes)
    assert built(torch.zeros(3, 6)).shape == (3, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"layers": [{"init_args": {}}]},
            r"layers\.0: wanted a mapping of class_path and init_args",
        ),
        ({"layers": "mlp"}, "layers: wanted a list of layers, got 'mlp'"),
        ({"layers": ["mlp"]}, r"layers\.0: wanted a mapping of class_path and init_args"),
        ({"head": MLP}, "head: wanted a layer that takes d_out = 3, such as bilinear, got mlp"),
        (
            {"layers": [{"class_path": "attention", "init_args": {"heads": 2}}]},
            r"layers\.0: wanted a layer of features, but attention wants positions in order",
        ),
        (
            {"layers": [{"class_path": "mlp", "init_args": {"d_model": 7}}]},
            r"layers\.0: wanted d_model = features = 4, got 7",
        ),
        (
            {"layers": [{"class_path": "bilinear", "init_args": {"d_out": 1}}]},
            r"layers\.0: wanted a layer from \[\.\., 4\] to \[\.\., 4\], but bilinear gives",
        ),
        (
            {"layers": [{"class_path": f"{__name__}.Wrapped", "init_args": {"name": "attention"}}]},
            r"layers\.0: wanted a layer of features, but .*Wrapped wants positions in order",
        ),
        (
            {"head": {"class_path": f"{__name__}.Wrapped", "init_args": {"name": "row_senses"}}},
            "head: wanted a layer of features, but .*Wrapped wants tokens",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(arguments, message):
    with pytest.raises(ValueError, match=message):
        model(**arguments)


@pytest.mark.parametrize("name", ["features", "outputs"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}: wanted at least 1, got 0"):
        FeedForwardConfig(**{"features": 2, "outputs": 2, name: 0})
