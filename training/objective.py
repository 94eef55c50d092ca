"""What training minimises and evaluation counts, as modules so that parameters can be swapped in.

A model's own `loss(inputs, targets)` where it defines one; otherwise the cross-entropy of its
outputs over the last axis, in nats, over the targets that are not -100, or what the experiment asks
for instead (see `losses`).
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

IGNORED = -100
Loss = Callable[..., Tensor]  # outputs, targets -> a mean


class Objective(nn.Module):
    """The model's loss as a forward pass: inputs, targets -> [1 + statistic].

    To the loss is added each layer's `penalty` for this forward, where it has one due (such as the
    balance of experts); evaluation adds none.
    What layers count of their own forward (`statistics`, such as the load of experts) follows the
    loss, flat: under vmap a number can leave only as a result. `layout` says whose is whose.
    """

    def __init__(self, model: nn.Module, loss: Loss | None = None) -> None:
        super().__init__()
        self.model, self.loss = model, loss or cross_entropy
        self.layout: list[tuple[nn.Module, str, int]] = []

    def forward(
        self, inputs: Shaped[Tensor, "*input"], targets: Shaped[Tensor, "*target"]
    ) -> Float[Tensor, " result"]:
        own_loss = getattr(self.model, "loss", None)
        if own_loss is not None:
            loss = own_loss(inputs, targets)
        else:
            loss = self.loss(self.model(inputs), targets)
        due = [m.penalty() for m in penalised(self.model)]
        loss = sum((p.to(loss.dtype) for p in due if p is not None), loss)
        counted = [(m, m.statistics()) for m in counting(self.model)]
        rows = [(m, name, value) for m, found in counted for name, value in found.items()]
        self.layout = [(m, name, value.numel()) for m, name, value in rows]
        return torch.cat([loss[None], *(value.flatten().to(loss.dtype) for _, _, value in rows)])


def counting(model: nn.Module) -> list[Any]:
    """The layers that count something and settle on it after each step."""
    return [m for m in model.modules() if hasattr(m, "settle")]


def penalised(model: nn.Module) -> list[Any]:
    """The layers that may add a term to the training loss."""
    return [m for m in model.modules() if hasattr(m, "penalty")]


class Measure(nn.Module):
    """Loss and accuracy of the model as a forward pass: inputs, targets -> [2].

    Against classes the loss is the cross-entropy of the outputs, whatever the model was trained
    on, so that architectures are compared in one unit; else it is the model's own.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, inputs: Shaped[Tensor, "*input"], targets: Shaped[Tensor, "*target"]
    ) -> Float[Tensor, " 2"]:
        own_loss = getattr(self.model, "loss", None)
        if targets.is_floating_point() and own_loss is not None:
            loss = own_loss(inputs, targets)
            return torch.stack([loss, torch.full_like(loss, torch.nan)])
        outputs = self.model(inputs)
        loss = cross_entropy(outputs, targets)
        return torch.stack([loss, accuracy(outputs, targets).to(loss.dtype)])


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
