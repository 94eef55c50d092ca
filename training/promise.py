"""Before training: does the model keep the exactness that its experiment requires?"""

import torch
from torch import nn

from training.data.task import Task
from training.experiment import ConfigError, Experiment


def check_promise(experiment: Experiment, model: nn.Module, task: Task) -> None:
    """ConfigError, naming the layers that set it, where the promise is weaker than `require`.

    The promise is that of the decomposition of two of the task's inputs by the untrained model.
    """
    required = experiment.require
    if required is None:
        return
    name = experiment.model.class_path
    wanted = f"{experiment.name}: wants {required} or stronger"
    if not hasattr(model, "decompose"):
        raise ConfigError("require", f"{wanted}, but {name} offers no parts")
    with torch.no_grad():
        parts = model.eval().decompose(task.sample[:2])  # pyright: ignore[reportCallIssue]
    kept = parts.exactness
    if not kept.keeps(required):
        set_by = f", set by {', '.join(kept.set_by)}" if kept.set_by else ""
        raise ConfigError("require", f"{wanted}, but {name} keeps {kept}{set_by}")
