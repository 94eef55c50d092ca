"""Which promise each layer of a composition keeps on its own, from what it is shown in a forward.

The composition is exact given all of their states; this says which layer brings which.
"""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from interpretable_arch.decomposition import Exactness
from training.data.task import Task

_PLACE = re.compile(r"(.*\.)?(attn|mlp|head|(blocks|layers)\.\d+)")


def promises(model: nn.Module, task: Task) -> dict[str, tuple[str, Exactness]]:
    """For every layer in its place: the name of its class and its own exactness."""
    layers = _layers(model)
    seen: dict[str, Any] = {}

    def catch(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        return lambda _, inputs: seen.setdefault(name, inputs)

    handles = [layer.register_forward_pre_hook(catch(name)) for name, layer in layers.items()]
    try:
        with torch.no_grad():
            model(task.sample[:2])
    finally:
        for handle in handles:
            handle.remove()
    return {
        name: (type(layer).__name__, layer.decompose(*seen[name]).exactness)
        for name, layer in layers.items()
        if name in seen
    }


def _layers(model: nn.Module) -> dict[str, Any]:
    """Layers with parts where blocks and models hold them; not what such a layer holds itself."""
    named = {n: m for n, m in model.named_modules() if n and hasattr(m, "decompose")}
    found: dict[str, Any] = {}
    for name, module in named.items():  # outer modules come before what they hold
        held = [o.removeprefix(f"{name}.") for o in named if o.startswith(f"{name}.")]
        inside = any(name.startswith(f"{layer}.") for layer in found)
        if not inside and not any(map(_PLACE.fullmatch, held)):
            found[name] = module
    return found
