"""Each layer's own promise: what stands in a place is reported, not what it holds inside."""

import pytest
import torch
from torch import nn

from analysis.reading.promises import promises
from interpretable_arch.registry import build
from training.data.task import Split, Task

BILINEAR = {"class_path": "bilinear", "init_args": {"d_hidden": 3}}
SPARSE = {"class_path": "abs_topk", "init_args": {"k": 2, "layer": BILINEAR}}
SIZES = {"d_model": 4, "heads": 2}


def tiers(model: nn.Module, inputs: torch.Tensor) -> dict[str, tuple[str, str]]:
    part = Split(inputs, torch.zeros(len(inputs), dtype=torch.long))
    found = promises(model.eval(), Task("little", part, part, 3, ("a", "b", "c"), {}))
    return {place: (kind, kept.tier) for place, (kind, kept) in found.items()}


def tokens() -> torch.Tensor:
    return torch.tensor([[0, 1, 2], [2, 1, 0]])


@pytest.mark.parametrize(
    ("mlp", "wanted"),
    [(BILINEAR, ("Bilinear", "unconditional")), (SPARSE, ("AbsTopK", "given"))],
)
def test_a_transformer_shows_its_layers_and_neither_blocks_nor_what_layers_hold(mlp, wanted):
    model = build("transformer", {**SIZES, "layers": 2, "mlp": mlp}, {"vocab": 3, "context": 3})
    one = {"attn": ("Attention", "given"), "mlp": wanted}
    assert tiers(model, tokens()) == {
        f"blocks.{i}.{place}": kept for i in range(2) for place, kept in one.items()
    }


def test_a_model_inside_another_module_is_composed():
    inside = build("transformer", {**SIZES, "layers": 1}, {"vocab": 3, "context": 3})
    found = tiers(nn.Sequential(inside), tokens())
    assert list(found) == ["0.blocks.0.attn", "0.blocks.0.mlp"]


def test_layers_in_a_row_and_a_head():
    model = build(
        "feedforward", {"layers": [SPARSE], "head": BILINEAR}, {"features": 4, "outputs": 3}
    )
    wanted = {"layers.0": ("AbsTopK", "given"), "head": ("Bilinear", "unconditional")}
    assert tiers(model, torch.randn(5, 4)) == wanted


def test_a_backpack_shows_its_senses():
    model = build("backpack", {**SIZES, "layers": 1, "senses": 2}, {"vocab": 3, "context": 3})
    assert set(tiers(model, tokens())) == {"blocks.0.attn", "blocks.0.mlp", "senses"}
