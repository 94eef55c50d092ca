"""Building by name: sizes filled from the task, mistakes named with their nearest neighbour."""

import pytest
import torch

from interpretable_arch.registry import build, nearest, registered


def test_dimensions_fill_what_is_left_open():
    model = build("group_mlp", {"d_mlp": 7}, {"order": 5, "outputs": 5})
    assert model(torch.tensor([[0, 1]])).shape == (1, 5)
    kept = build("transformer", {"vocab": 9, "layers": 1}, {"vocab": 4, "context": 3})
    assert kept(torch.tensor([[8]])).shape == (1, 1, 9)


def test_any_torch_module_by_its_path():
    layer = build("torch.nn.Linear", {"in_features": 2, "out_features": 3}, {"order": 5})
    assert isinstance(layer, torch.nn.Linear)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="did you mean 'transformer'"):
        build("transfomer", {}, {})
    with pytest.raises(ValueError, match="did you mean 'd_mlp'"):
        build("group_mlp", {"d_mpl": 7}, {"order": 5})
    with pytest.raises(ValueError, match=r"cannot find 'no\.such\.Thing'"):
        build("no.such.Thing", {}, {})
    with pytest.raises(ValueError, match="no module"):
        build("fractions.Fraction", {}, {})
    assert nearest("key", "zzz", ["alpha"]) == "key: unknown 'zzz'; known: alpha"


def test_impossible_sizes_are_refused_before_training():
    with pytest.raises(ValueError, match="heads: must divide"):
        build("transformer", {"d_model": 6, "heads": 4}, {"vocab": 3, "context": 2})
    mixture = {"class_path": "mixture", "init_args": {"experts": 2, "k": 3}}
    with pytest.raises(ValueError, match="k: wanted 2 to experts = 2, got 3"):
        build("transformer", {"d_model": 8, "mlp": mixture}, {"vocab": 3, "context": 2})
    with pytest.raises(ValueError, match="senses: must divide"):
        build("backpack", {"d_model": 8, "senses": 3}, {"vocab": 3, "context": 2})


def test_every_registered_name_loads():
    assert {"transformer", "backpack", "group_representation"} <= set(registered("model"))
    assert {"attention", "mlp", "mixture", "senses"} <= set(registered("layer"))
