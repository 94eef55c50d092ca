"""Spline networks: one layer is exact from its weights, two given what is hidden; losses; signs."""

import math

import pytest
import torch

from interpretable_arch.models.kan import KAN, KANConfig
from interpretable_arch.registry import build
from interpretable_arch.symmetry import weights


def network(*hidden: int, **changes: object) -> KAN:
    torch.manual_seed(0)
    return KAN(KANConfig(**{"features": 2, "outputs": 2, "hidden": hidden, "std": 1.0, **changes}))


def test_one_layer_is_additive_and_unconditional(float64):
    model, x = network(), torch.randn(7, 2)
    parts = model.decompose(x)
    assert str(parts.exactness) == "UNCONDITIONAL"
    assert parts.names == ("input.0", "input.1")
    assert not parts.state
    assert parts.relative_error(model(x)) < 1e-14
    # Each part is a function of its own coordinate, whatever the other one is.
    other = model.decompose(torch.stack([x[:, 0], torch.randn(7)], 1))
    torch.testing.assert_close(parts["input.0"].value(), other["input.0"].value())


def test_two_layers_are_given_the_hidden_units_and_say_who_set_that(float64):
    model, x = network(3), torch.randn(7, 2)
    parts = model.decompose(x)
    assert parts.exactness.tier == "given"
    assert parts.exactness.state == ("layers.0.hook_out",)
    assert parts.exactness.set_by == ("layers.0",)
    assert parts.names == ("hidden.0", "hidden.1", "hidden.2")


def test_nothing_stands_between_layers(float64):
    model, x = network(3, 2), torch.randn(7, 2)
    by_hand = x
    for layer in model.layers:
        by_hand = layer(by_hand)
    torch.testing.assert_close(model(x), by_hand)


def test_loss_is_squared_error_of_values_and_cross_entropy_of_classes(float64):
    model, x = network(3), torch.randn(7, 2)
    values, classes = torch.randn(7, 2), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    torch.testing.assert_close(model.loss(x, values), (model(x) - values).square().mean())
    picked = model(x).log_softmax(-1)[torch.arange(7), classes]
    torch.testing.assert_close(model.loss(x, classes), -picked.mean())


def test_exact_data_meet_a_model_of_single_precision():
    model, x = network(3), torch.randn(7, 2, dtype=torch.float64)
    assert model.loss(x, torch.zeros(7, 2, dtype=torch.float64)).dtype == torch.float32


def test_a_hidden_unit_changes_sign_off_the_grid_too(float64):
    model = network(1)
    flip = next(f for f in model.symmetry().factors if f.name == "sign.0")
    mirrored = flip.act(torch.tensor([[-1.0]]), weights(model))
    x = 5 * torch.randn(50, 2)
    torch.testing.assert_close(torch.func.functional_call(model, mirrored, (x,)), model(x))
    torch.testing.assert_close(mirrored["layers.0.W_b"], -weights(model)["layers.0.W_b"])
    assert math.isclose(model.symmetry().log_order, math.log(2))


def test_a_network_begins_as_lines_nearly_flat_but_in_the_last_layer(float64):
    model = network(1, std=1e-9)
    slopes = []
    for layer in model.layers:
        ends = torch.tensor([-1.0, 1.0])[:, None].expand(2, layer.config.d_model)
        low, high = layer.edges(ends)
        slopes.append(((high - low) / 2).abs().max())
    torch.testing.assert_close(torch.stack(slopes), torch.tensor([0.1 / 2**0.5, 1.0]))


def test_it_is_built_by_name_with_the_task_s_sizes():
    model = build("kan", {"hidden": [3], "grid": 5}, {"features": 4, "outputs": 2, "order": 9})
    assert model(torch.zeros(1, 4)).shape == (1, 2)


@pytest.mark.parametrize(
    ("changes", "named"), [({"features": 0}, "features"), ({"hidden": (0,)}, "hidden")]
)
def test_a_mistake_is_named(changes, named):
    with pytest.raises(ValueError, match=named):
        KANConfig(**{"features": 2, "outputs": 1, **changes})
