"""A layer that a configuration names, built for its place and refused where it can't stand there.

A part is {class_path: bilinear, init_args: {...}}; what `init_args` leaves open comes from the
sizes that the place knows. Whatever is wrong is one line that begins with the place.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from interpretable_arch.registry import build

Part = Mapping[str, Any]
_KEYS = {"class_path", "init_args"}
_WANTS = {"causal": "positions in order", "reads_token": "tokens"}


def check_part(place: str, part: Any) -> None:
    """ValueError for anything but a mapping of class_path and, where wanted, init_args."""
    if not isinstance(part, Mapping) or not {"class_path"} <= set(part) <= _KEYS:
        raise ValueError(f"{place}: wanted a mapping of class_path and init_args, got {part!r}")


def placed(place: str, part: Part, sizes: Mapping[str, Any]) -> nn.Module:
    """The layer that `part` names. Raises ValueError as `check_part` and `build` do."""
    check_part(place, part)
    return build(part["class_path"], part.get("init_args", {}), sizes, place)


def check_alone(place: str, part: Part, layer: nn.Module) -> None:
    """ValueError where the layer, or one inside it, wants more than one vector at a time."""
    for attribute, why in _WANTS.items():
        if any(getattr(m, attribute, False) for m in layer.modules()):
            name = part["class_path"]
            raise ValueError(f"{place}: wanted a layer of features, but {name} wants {why}")


def check_shape(place: str, part: Part, layer: nn.Module, read: int, written: int) -> None:
    """ValueError unless the layer maps [.., read] to [.., written]."""
    wanted = f"{place}: wanted a layer from [.., {read}] to [.., {written}]"
    try:
        with torch.no_grad():
            got = list(layer(torch.ones(1, 2, read)).shape)
    except RuntimeError as error:
        raise ValueError(f"{wanted}, but {part['class_path']} can't read it") from error
    if got != [1, 2, written]:
        raise ValueError(f"{wanted}, but {part['class_path']} gives {got} for [1, 2, {read}]")
