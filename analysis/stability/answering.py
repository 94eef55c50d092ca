"""A model of any library as a function from inputs to one tensor.

Libraries answer with tuples or with records that have `.logits`; weights may be kept in another
precision than the inputs. Both are met here, so that every measure sees tensors alone.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

HALF = (torch.bfloat16, torch.float16)


def tensor_of(answer: Any, of: str) -> Tensor:
    """The answer itself, its `.logits` or ["logits"], or the first tensor of a tuple or list.

    Half precision is widened to float32, which changes no number. Raises ValueError for anything
    else, with the name `of` what gave it and what it was.
    """
    found = getattr(answer, "logits", None)
    if isinstance(answer, Tensor):
        found = answer
    elif found is None and isinstance(answer, Mapping):
        found = answer.get("logits")
    elif found is None and isinstance(answer, tuple | list):
        found = next((each for each in answer if isinstance(each, Tensor)), None)
    if not isinstance(found, Tensor):
        wanted = "a tensor, a tuple that holds one, or something with logits"
        keys = f" of {', '.join(map(str, answer))}" if isinstance(answer, Mapping) else ""
        raise ValueError(f"{of}: wanted {wanted}, got {type(answer).__name__}{keys}")
    return widened(found)


def widened(values: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """Half precision as float32, everything else as it is."""
    return values.float() if values.dtype in HALF else values


def in_precision_of(
    model: nn.Module, inputs: Shaped[Tensor, "example *shape"]
) -> Shaped[Tensor, "example *shape"]:
    """Inputs of real numbers in the precision of the model's first real parameter; others as given.

    Tokens stay whole numbers, and a model without parameters gets what it was given.
    """
    real = (each.dtype for each in model.parameters() if each.is_floating_point())
    dtype = next(real, inputs.dtype)
    return inputs.to(dtype) if inputs.is_floating_point() else inputs


def answering_tensors(model: nn.Module) -> nn.Module:
    """A copy that gives the tensor of each answer; the model itself is left as it is."""
    copy = deepcopy(model)
    copy.register_forward_hook(lambda _, given, answer: tensor_of(answer, "model"))
    return copy
