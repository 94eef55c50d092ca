"""How each kind of model says which meaning of a word it takes: a weight per meaning and place.

Output meanings (`posterior`: which meaning of the next word fits); a Backpack's alpha of the word
upon itself; the weights that a layer of senses gives its word (`weigh`).
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.models.backpack import Backpack

Pick = Callable[[Int[Tensor, "window position"]], Float[Tensor, "window position sense"]]


def picker(model: nn.Module) -> Pick | None:
    """The weights of the meanings of the word at each place; None for a model without meanings.

    The first place of a window has nothing to its left: its weights say nothing.
    """
    posterior = getattr(model, "posterior", None)
    if not getattr(model, "fitted", True):
        return None
    if posterior is not None:
        return lambda tokens: F.pad(posterior(tokens[:, :-1], tokens[:, 1:]), (0, 0, 1, 0))
    if isinstance(model, Backpack):
        return lambda tokens: model.weigh(tokens).diagonal(dim1=-2, dim2=-1).mT
    layers = [m for m in model.modules() if getattr(m, "reads_token", False)]
    weighing = [m for m in layers if hasattr(m, "weigh")]
    return _layer(model, weighing[-1]) if weighing else None


def _layer(model: nn.Module, layer: nn.Module) -> Pick:
    """The weights inside the last layer of senses, on what the model feeds it."""

    def weigh(tokens: Tensor) -> Tensor:
        fed: list[Tensor] = []
        handle = layer.register_forward_pre_hook(lambda _, inputs: fed.append(inputs[0]))
        try:
            model(tokens)
        finally:
            handle.remove()
        return torch.as_tensor(layer.weigh(fed[0]))  # pyright: ignore[reportCallIssue]

    return weigh
