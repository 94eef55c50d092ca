"""One small batch before training: do model and task fit, and does training draw random numbers?

Without it a mistake shows as an error of some torch kernel, or as a loss that is never finite.
"""

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from training.data.task import Split, Stream, Task
from training.objective import IGNORED, Objective
from training.random_state import load_random_state, random_state

_EXAMPLES = 8


def check_fit(name: str, model: nn.Module, task: Task) -> None:
    """ValueError, in one line, unless `model` can be trained and measured on `task`.

    Wanted: float inputs that are finite, and targets that are classes, one for each row of outputs,
    from 0 to below their last axis, or -100. A model with a `loss` of its own may have targets that
    are no classes; with classes it is held to the same, since it is measured by cross-entropy.
    `name` is how the model is called in the message.
    """
    who = f"model {name} on task {task.name}"
    parts = {"train": task.train, "held_out": task.held_out}
    for part, data in parts.items():
        _check_finite(f"{who}: {part}", data)
    inputs, targets = _small_batch(task)
    outputs = _forward(who, model, inputs)
    if targets.is_floating_point() and hasattr(model, "loss"):
        return
    if not isinstance(outputs, Tensor) or outputs.shape[:-1] != targets.shape:
        wanted = ", ".join(map(str, (*targets.shape, "outputs")))
        got = list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(f"{who}: forward wants to give outputs of shape [{wanted}], got {got}")
    for part, data in parts.items():
        _check_classes(f"{who}: {part} targets", data, outputs.shape[-1])


def draws_noise(model: nn.Module, task: Task) -> bool:
    """Whether the training loss of one batch draws from torch's generators, as dropout does.

    The generators are left as they were; `model` may count a batch and is best thrown away.
    """
    before = random_state()
    Objective(model.train())(*_small_batch(task))
    after = random_state()
    load_random_state(before)
    return any(not torch.equal(state, before[device]) for device, state in after.items())


def _small_batch(task: Task) -> tuple[Shaped[Tensor, "..."], Shaped[Tensor, "..."]]:
    return task.train.take(torch.arange(min(_EXAMPLES, len(task.train))))


def _forward(who: str, model: nn.Module, inputs: Shaped[Tensor, "..."]) -> object:
    try:
        with torch.no_grad(), torch.random.fork_rng():
            return model.eval()(inputs)
    except Exception as error:
        got = f"{type(error).__name__}: {' '.join(str(error).split())}"
        shape = f"{inputs.dtype} {list(inputs.shape)}"
        raise ValueError(f"{who}: forward wants to take inputs {shape}, got {got}") from error


def _check_finite(where: str, data: Split | Stream) -> None:
    if isinstance(data, Stream):
        return
    for name, values in (("inputs", data.inputs), ("targets", data.targets)):
        count = int((~values.isfinite()).sum()) if values.is_floating_point() else 0
        if count:
            wanted = "finite numbers"
            message = f"{where} {name}: wants {wanted}, got {count} that are NaN or infinite"
            raise ValueError(message)


def _check_classes(where: str, data: Split | Stream, outputs: int) -> None:
    targets = data.targets if isinstance(data, Split) else data.tokens
    if targets.is_floating_point():
        wanted = "whole numbers (or a model with a loss of its own)"
        raise ValueError(f"{where}: wants {wanted}, got {targets.dtype}")
    if targets.dtype != torch.int64:
        raise ValueError(f"{where}: wants torch.int64, got {targets.dtype}")
    classes = targets[targets != IGNORED]
    low, high = (int(classes.min()), int(classes.max())) if len(classes) else (0, 0)
    if low < 0 or high >= outputs:
        wanted = f"0 to {outputs - 1}, the model's outputs, or {IGNORED}"
        raise ValueError(f"{where}: wants {wanted}, got {low} to {high}")
