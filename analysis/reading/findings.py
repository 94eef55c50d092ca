"""Every reader that a trained model is shown to, one line each; one without news gives None."""

from collections.abc import Callable

import torch
from torch import nn

from analysis.reading.finding import Finding
from training.data.task import Task

Reader = Callable[[nn.Module, Task], Finding | None]
READERS: tuple[Reader, ...] = ()


def read_all(model: nn.Module, task: Task) -> tuple[Finding, ...]:
    """What each reader finds in a model; the model and the task are left as they are."""
    with torch.no_grad():
        found = [reader(model, task) for reader in READERS]
    return tuple(f for f in found if f is not None)
