"""The null of training itself: the same task, its training answers dealt anew, the test as it was.

What models of such a task share, they owe to the architecture, the optimiser and the plain
frequencies of the data, not to anything that inputs say of answers (Zhang et al. 2017, arXiv
1611.03530). What is dealt depends on what the answers are:

- a class or a number for each example: each example gets the answer of another, a whole row of
  them where it has several.
- next tokens, of a stream or of separate rows: the tokens that training reads change places. How
  often each occurs stays; the context says nothing any more.
- the inputs themselves, to rounding (autoencoders): there are no pairs to break, so each column is
  dealt anew by itself. Every coordinate keeps its distribution; what coordinates say of one another
  is gone. Where they say nothing to begin with, the null is no other task. Answers that are merely
  near the inputs, as those without the inputs' noise, are answers: their rows are dealt anew.

`nonsense` shuffles the test as well, for models whose readings are to be looked at by themselves.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from training.data import build_task
from training.data.rows import IGNORED
from training.data.task import Split, Stream, Task
from training.parsing import parse
from training.settings import Part


def shuffled(task: dict[str, Any], shuffle_seed: int = 0) -> Task:
    """`task` (class_path, init_args) as `shuffled_task` makes it. Raises what that raises."""
    part = parse(Part, task, "task.init_args.task")
    return shuffled_task(build_task(part.class_path, part.init_args), shuffle_seed)


def shuffled_task(task: Task, seed: int = 0) -> Task:
    """The task with its training answers dealt anew, a fixed function of `seed`, from 0 up.

    Held-out part and probe are the same; known operators of a process are left out, since what is
    trained on is no longer made by them. Raises ValueError for a seed below 0, and where dealing
    changes nothing, as with answers that are all alike.
    """
    if seed < 0:
        raise ValueError(f"shuffle_seed: wants a whole number from 0 up, got {seed}")
    draw = np.random.default_rng(seed)
    changed: dict[str, Any] = {
        "name": f"{task.name}, training answers shuffled",
        "operators": None,
    }
    if isinstance(task.train, Split):
        changed["train"] = _dealt(task.train, draw)
    else:
        order = _new_places(task.train, draw)
        changed["train"] = replace(task.train, tokens=task.train.tokens[order])
        if task.meanings is not None:  # each token takes its own along
            changed["meanings"] = replace(task.meanings, train=task.meanings.train[order])
    null = replace(task, **changed)
    _refuse_unchanged(task.train, null.train)
    return null


def _dealt(data: Split, draw: np.random.Generator) -> Split:
    if _are_next_tokens(data):
        return _with_tokens_dealt(data, draw)
    if _are_inputs(data):
        return _with_columns_dealt(data, draw)
    return replace(data, targets=data.targets[_order(len(data), draw, data.targets)])


def _are_next_tokens(data: Split) -> bool:
    inputs, targets = data.inputs, data.targets
    if inputs.is_floating_point() or inputs.shape != targets.shape or inputs.ndim != 2:
        return False
    known = targets[:, :-1] != IGNORED
    return bool(known.any()) and bool((targets[:, :-1] == inputs[:, 1:])[known].all())


def _with_tokens_dealt(data: Split, draw: np.random.Generator) -> Split:
    """What is not asked for stays so, and a last token that is not known stays in its place."""
    rows = torch.cat([data.inputs, data.targets[:, -1:]], 1)
    known = rows != IGNORED
    found = rows[known]
    rows[known] = found[_order(len(found), draw, found)]
    targets = rows[:, 1:].where(data.targets != IGNORED, IGNORED)
    return replace(data, inputs=rows[:, :-1].clone(), targets=targets)


def _are_inputs(data: Split) -> bool:
    inputs, targets = data.inputs, data.targets
    if inputs.shape != targets.shape or inputs.dtype != targets.dtype:
        return False
    return torch.allclose(inputs, targets)


def _with_columns_dealt(data: Split, draw: np.random.Generator) -> Split:
    inputs = data.inputs.reshape(len(data), -1).clone()
    targets = data.targets.reshape(len(data), -1).clone()
    for column in range(inputs.shape[1]):
        order = _order(len(data), draw, inputs)
        inputs[:, column], targets[:, column] = inputs[order, column], targets[order, column]
    shape = data.inputs.shape
    return replace(data, inputs=inputs.reshape(shape), targets=targets.reshape(shape))


def _new_places(data: Stream, draw: np.random.Generator) -> Int[Tensor, " token"]:
    """For each place of the stream the place its new token comes from; only what windows read."""
    count, starts = len(data.tokens), data.starts
    edges = torch.zeros(count + 1, dtype=torch.long, device=starts.device)
    ones = torch.ones_like(starts)
    edges.index_add_(0, starts, ones).index_add_(0, starts + data.context + 1, -ones)
    read = (edges.cumsum(0)[:count] > 0).nonzero().squeeze(1)
    order = torch.arange(count, device=starts.device)
    order[read] = read[_order(len(read), draw, read)]
    return order.to(data.tokens.device)


def _order(count: int, draw: np.random.Generator, like: Tensor) -> Int[Tensor, " place"]:
    return torch.from_numpy(draw.permutation(count)).to(like.device)


def _refuse_unchanged(before: Split | Stream, after: Split | Stream) -> None:
    if all(torch.equal(b, a) for b, a in zip(_held(before), _held(after), strict=True)):
        raise ValueError(
            f"task: wants training answers that dealing anew changes, got {len(before)} examples "
            "that are as they were"
        )


def _held(data: Split | Stream) -> tuple[Shaped[Tensor, "..."], ...]:
    return (data.inputs, data.targets) if isinstance(data, Split) else (data.tokens,)
