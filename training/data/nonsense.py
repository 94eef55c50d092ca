"""The null of any task: the same inputs, the same answers, dealt out at random.

Whoever finds structure in a model of the real task should look for it here too (Zhang et al. 2017,
arXiv 1611.03530, trained on shuffled labels; pruning finds circuits on nonsense as well: Ramanujan
et al. 2020, arXiv 1911.13299, in networks that were never trained). There is nothing to learn but
each answer by heart, so held-out answers stay at chance.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from training.data import build_task
from training.data.task import Split, Stream, Task
from training.parsing import parse
from training.settings import Part


def nonsense(task: dict[str, Any], shuffle_seed: int = 0) -> Task:
    """`task` (class_path, init_args) with the answers of each part shuffled among its examples.

    Equal inputs may get different answers. A fixed function of `shuffle_seed`. Raises ValueError
    for a task that is a stream of text, whose answers are its own tokens, and for a seed below 0.
    """
    if shuffle_seed < 0:
        raise ValueError(f"shuffle_seed: wants a whole number from 0 up, got {shuffle_seed}")
    part = parse(Part, task, "task.init_args.task")
    real = build_task(part.class_path, part.init_args)
    generator = np.random.default_rng(shuffle_seed)
    train, held_out = (_shuffled(d, generator) for d in (real.train, real.held_out))
    name = f"nonsense: {real.name}, answers shuffled"
    return replace(real, name=name, train=train, held_out=held_out, group=None)


def _shuffled(data: Split | Stream, generator: np.random.Generator) -> Split:
    if not isinstance(data, Split):
        raise ValueError("task: wants one of separate examples, got a stream of text")
    order = torch.from_numpy(generator.permutation(len(data)))
    return Split(data.inputs, data.targets[order])
