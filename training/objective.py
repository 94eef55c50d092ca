"""What training minimises and evaluation counts, as modules so that parameters can be swapped in.

A model's own `loss(inputs, targets)` where it defines one; otherwise the cross-entropy of its
outputs over the last axis, in nats, over the targets that are not -100.
"""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

IGNORED = -100


class Objective(nn.Module):
    """The model's loss as a forward pass: inputs, targets -> scalar."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, inputs: Shaped[Tensor, "*input"], targets: Shaped[Tensor, "*target"]
    ) -> Float[Tensor, ""]:
        own_loss = getattr(self.model, "loss", None)
        if own_loss is not None:
            return own_loss(inputs, targets)
        return cross_entropy(self.model(inputs), targets)


class Measure(nn.Module):
    """Loss and accuracy of the model as a forward pass: inputs, targets -> [2]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, inputs: Shaped[Tensor, "*input"], targets: Shaped[Tensor, "*target"]
    ) -> Float[Tensor, " 2"]:
        outputs = self.model(inputs)
        own_loss = getattr(self.model, "loss", None)
        loss = cross_entropy(outputs, targets) if own_loss is None else own_loss(inputs, targets)
        return torch.stack([loss, accuracy(outputs, targets)])


def cross_entropy(
    outputs: Float[Tensor, "*index output"], targets: Shaped[Tensor, "*index"]
) -> Float[Tensor, ""]:
    """Mean over the targets that are not -100, in nats."""
    return functional.cross_entropy(
        outputs.flatten(end_dim=-2), targets.flatten(), ignore_index=IGNORED
    )


def accuracy(
    outputs: Float[Tensor, "*index output"], targets: Shaped[Tensor, "*index"]
) -> Float[Tensor, ""]:
    """Share in [0, 1] of targets other than -100 that have the largest output; NaN where targets
    are no classes."""
    if targets.is_floating_point():
        return outputs.new_full((), torch.nan)
    hit = (outputs.argmax(dim=-1) == targets).to(outputs.dtype)
    counted = (targets != IGNORED).to(outputs.dtype)
    return (hit * counted).sum() / counted.sum()
