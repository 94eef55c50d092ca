"""Before the first update: models that find their answer in the data themselves do so.

Closed-form and convex models have `fit_data(batches)`. For running text the batches are the
gapless stretches of the training text, once each: tokens [1, n] and the tokens that follow them.
For examples they are all inputs with their targets. Where a task knows its process exactly, as
operators, a model with `fit_operators` is given these instead. With `max_steps: 0` nothing follows;
otherwise training goes on from there.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from training.data.task import Split, Stream, Task
from training.experiment import ConfigError, Experiment, Seed
from training.random_state import noise_seed

Batch = tuple[Shaped[Tensor, "..."], Shaped[Tensor, "..."]]


def fits_data(model: nn.Module) -> bool:
    """Whether the model finds its answer, or its start, in the data."""
    return hasattr(model, "fit_data")


def check_steps(experiment: Experiment, model: nn.Module) -> None:
    """ConfigError for zero steps of a model that learns by steps alone."""
    if experiment.trainer.max_steps == 0 and not fits_data(model):
        name = experiment.model.class_path
        raise ConfigError(
            "trainer.max_steps", f"wants 1 or more: {name} has no fit_data, nothing would be learnt"
        )


def fit_from_data(model: nn.Module, task: Task, seed: Seed) -> None:
    """Fit the model to the training data where it can; what it draws comes from the noise stream.

    A random start that is to follow the initialisation is drawn when the model is built.
    """
    if not fits_data(model):
        return
    found: Any = model
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(noise_seed([seed]))
        if task.operators is not None and hasattr(model, "fit_operators"):
            found.fit_operators(task.operators)
        else:
            found.fit_data(data_batches(task.train))


def data_batches(data: Split | Stream) -> Sequence[Batch]:
    """All of the data, each example or token once.

    A stretch of text ends where no window reaches over to the next token.
    """
    if isinstance(data, Split):
        return ((data.inputs, data.targets),)
    return tuple(
        (data.tokens[None, first:last], data.tokens[None, first + 1 : last + 1])
        for first, last in _stretches(data)
    )


def _stretches(data: Stream) -> list[tuple[int, int]]:
    """[first, last) of the tokens that windows cover, with the token after each, without a gap."""
    starts = data.starts.sort().values
    breaks = (starts.diff() > data.context).nonzero().squeeze(1).tolist()
    firsts = [int(starts[0]), *(int(starts[b + 1]) for b in breaks)]
    lasts = [*(int(starts[b]) for b in breaks), int(starts[-1])]
    return [(a, b + data.context) for a, b in zip(firsts, lasts, strict=True)]
