"""Loss and accuracy of every seed on fixed data, in pieces no larger than a training batch."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from interpretable_arch.maths.spread import evenly
from training.data.task import Split, Stream
from training.objective import IGNORED

Measurement = Callable[[Tensor, Tensor], Float[Tensor, "seed *measure"]]


def evaluate(
    measure: Measurement, data: Split | Stream, windows: int, piece: int
) -> Float[Tensor, "seed *measure"]:
    """Mean of `measure` over the data, weighted by counted targets: `measure` means over these.

    A `Split` is taken whole, a `Stream` at `windows` evenly spaced windows, the same every time.
    """
    total, weight = torch.zeros(()), torch.zeros(())
    for indices in fixed_indices(data, windows).split(piece):
        inputs, targets = data.take(indices)
        count = _counted(targets)
        total = total.to(count.device) + count * measure(inputs, targets).double()
        weight = weight.to(count.device) + count
    return total / weight


def fixed_indices(data: Split | Stream, windows: int) -> Int[Tensor, " index"]:
    """All examples of a split; at most `windows` evenly spaced windows of a stream."""
    return evenly(len(data), len(data) if isinstance(data, Split) else windows)


def _counted(targets: Shaped[Tensor, "..."]) -> Float[Tensor, ""]:
    if targets.is_floating_point():
        return torch.tensor(float(len(targets)), dtype=torch.float64, device=targets.device)
    return (targets != IGNORED).sum().double()
