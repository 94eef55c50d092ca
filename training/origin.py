"""What a run was trained from besides its settings: the data themselves and the caller's own code.

Settings name a text file or a class, whose content can change under the same name. A SHA-256 of
each is kept with every run and checkpoint, so that none is taken for the result of something else.
"""

import hashlib
import inspect
from collections.abc import Mapping

import torch
from torch import Tensor

from interpretable_arch.registry import ENTRIES, locate
from training.data import TASKS
from training.data.task import Split, Stream, Task
from training.experiment import Experiment
from training.runs import RunError


def origin_of(experiment: Experiment, task: Task) -> dict[str, str]:
    """Hashes of the data and of the modules that hold a model's or a task's own code.

    A module is left out when it belongs to a registered name or its source can't be read.
    """
    found = {"data": _hash_of_data(task)}
    own = {
        "model": (experiment.model.class_path, ENTRIES),
        "task": (experiment.task.class_path, TASKS),
    }
    for part, (path, registered) in own.items():
        source = None if path in registered else _source(path)
        if source is not None:
            found[f"code of {part} {path}"] = hashlib.sha256(source.encode()).hexdigest()
    return found


def changes(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What differs, in words; empty where nothing does. What only one of them knows is passed."""
    return " and ".join(key for key in now if then.get(key, now[key]) != now[key])


def refuse_stale(what: str, then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """RunError where `what`, a folder or a file, was trained from other data or code than now."""
    changed = changes(then, now)
    if changed:
        remedy = "give another name or root, or delete it to train again"
        raise RunError(f"{what}: changed since it was trained: {changed}; {remedy}")


def _source(path: str) -> str | None:
    try:
        module = inspect.getmodule(locate(path))
        return None if module is None else inspect.getsource(module)
    except (OSError, TypeError, ValueError):  # built in, written at a prompt, or not to be found
        return None


def _hash_of_data(task: Task) -> str:
    digest = hashlib.sha256(repr(task.labels).encode())
    for part in (task.train, task.held_out):
        for tensor in _tensors(part):
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _tensors(part: Split | Stream) -> tuple[Tensor, ...]:
    if isinstance(part, Split):
        return part.inputs, part.targets
    return part.tokens, part.starts, torch.tensor(part.context)
