"""Which promise each layer of a composition keeps on its own, from what it is shown in a forward.

The composition is exact given all of their states; this says which layer brings which.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from interpretable_arch.decomposition import Exactness
from training.data.task import Task


def promises(model: nn.Module, task: Task) -> dict[str, tuple[str, Exactness]]:
    """For every innermost module with parts: the name of its class and its own exactness."""
    layers = _innermost(model)
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


def _innermost(model: nn.Module) -> dict[str, Any]:
    """Modules with parts of their own that hold no other such module."""
    named = {n: m for n, m in model.named_modules() if n and hasattr(m, "decompose")}
    return {n: m for n, m in named.items() if not any(o.startswith(f"{n}.") for o in named)}
