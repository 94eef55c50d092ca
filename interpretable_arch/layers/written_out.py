"""Layers with two equal paths: a fast one, and one written out so that vmap can stack it."""

from typing import Any

from torch import nn


def write_out(model: nn.Module, on: bool) -> None:
    """Select the written-out path in every layer that has one.

    softmax(QK^T)V in attention, all experts and a mask in a mixture: what vmap can stack.
    """
    layers: list[Any] = [m for m in model.modules() if hasattr(m, "written_out")]
    for layer in layers:
        layer.written_out = on
