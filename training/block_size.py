"""How many seeds to train at once: a few updates of each candidate are timed, the best wins.

Stacking saves overhead where a model is small and costs cache and memory where it is large, so
the answer is measured; one at a time is always a candidate, so the choice is never slower.
"""

import copy
import math
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from training.batches import Batches
from training.block import Block, OneSeed
from training.data.task import Task
from training.experiment import Experiment, Seed
from training.losses import build_loss
from training.objective import Loss
from training.optimizers import build_optimizer
from training.seed_stack import SeedStack

_FEWEST_STEPS_TO_TIME = 100  # below this, timing would be a noticeable share of the training
_TIMED_UPDATES, _TIMED_SECONDS = 3, 0.1
_SHARE_OF_MEMORY = 0.5
# Gradients and the optimiser's two moments lie beside the parameters; backward passes hold about
# as much again as what the forward pass saves.
_COPIES_OF_PARAMETERS, _COPIES_OF_SAVED = 4, 2


def choose_block(
    experiment: Experiment, seeds: Sequence[Seed], model: nn.Module, task: Task
) -> int:
    """The number of seeds per block with the least time per seed and update.

    `model` is one seed's, on the device where training happens; it is not changed. Candidates
    that would need more than half of the free memory are left out. Very short trainings are not
    timed: all seeds that fit in memory are stacked.
    """
    largest = _largest_in_memory(experiment, seeds[0], model, task)
    candidates = [size for size in _candidates(len(seeds)) if size <= max(1, largest)]
    if experiment.trainer.max_steps < _FEWEST_STEPS_TO_TIME:
        return candidates[-1]
    times = {n: _seconds_per_seed(experiment, seeds[:n], model, task) for n in candidates}
    return min(times, key=lambda size: times[size])


def split_evenly(seeds: Sequence[Seed], block: int) -> list[tuple[Seed, ...]]:
    """Blocks of at most `block` seeds whose sizes differ by at most one, in order."""
    blocks = math.ceil(len(seeds) / block)
    ends = [len(seeds) * index // blocks for index in range(blocks + 1)]
    return [tuple(seeds[a:b]) for a, b in pairwise(ends)]


def _candidates(seeds: int) -> list[int]:
    """1, 4, 8, 16, ... and all, each the size that splitting evenly would really give."""
    powers = [2**n for n in range(2, seeds.bit_length()) if 2**n < seeds]
    even = [math.ceil(seeds / math.ceil(seeds / size)) for size in (1, *powers, seeds)]
    return sorted(set(even))


def _seconds_per_seed(
    experiment: Experiment, seeds: Sequence[Seed], model: nn.Module, task: Task
) -> float:
    """Seconds of one update divided by the number of seeds: the fastest of a few."""
    block = make_block([copy.deepcopy(model)] * len(seeds), build_loss(experiment.loss))
    batches = Batches(task.train, experiment.trainer.batch_size, seeds)
    optimizer = build_optimizer(experiment.optimizer, block.parameters(), block.seed_axes)
    begun, times = time.perf_counter(), []
    while len(times) <= _TIMED_UPDATES or time.perf_counter() - begun < _TIMED_SECONDS:
        start = time.perf_counter()
        _update(experiment, block, optimizer, batches, step=len(times))
        _wait_for(next(block.parameters()))
        times.append(time.perf_counter() - start)
    return min(times[1:]) / len(seeds)


def make_block(models: Sequence[nn.Module], loss: Loss | None = None) -> Block:
    """A lone model as it is, or several as a stack; `loss` where it is not the cross-entropy."""
    if len(models) > 1:
        return SeedStack(models, loss)
    return OneSeed(models[0], loss)


def _update(
    experiment: Experiment,
    block: Block,
    optimizer: torch.optim.Optimizer,
    batches: Batches,
    step: int,
) -> None:
    optimizer.zero_grad()
    block.losses(*batches.at(step), batches.by_seed).sum().backward()
    if experiment.optimizer.clip is not None:
        block.clip(experiment.optimizer.clip)
    optimizer.step()
    block.constrain()
    block.settle()


def _wait_for(tensor: Tensor) -> None:
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)


def _largest_in_memory(experiment: Experiment, seed: Seed, model: nn.Module, task: Task) -> int:
    """How many seeds fit, going by what one seed's forward pass keeps for its backward pass."""
    parameters = list(model.parameters())
    free = available_bytes(parameters[0].device)
    if free is None:
        return 1 << 30
    batches = Batches(task.train, experiment.trainer.batch_size, [seed])
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        OneSeed(model).losses(*batches.at(0), batches.by_seed)
    own = sum(p.numel() * p.element_size() for p in parameters)
    needed = _COPIES_OF_PARAMETERS * own + _COPIES_OF_SAVED * sum(saved.values())
    return int(_SHARE_OF_MEMORY * free / needed)


def available_bytes(device: torch.device) -> int | None:
    """Free memory of the device, a container's limit included; None where it can't be known."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    meminfo = Path("/proc/meminfo")
    if device.type != "cpu" or not meminfo.exists():
        return None
    rows = dict(line.split(":") for line in meminfo.read_text().splitlines())
    machine = int(rows["MemAvailable"].split()[0]) * 1024
    return min(machine, _container_bytes() or machine)


def _container_bytes() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
    except OSError:
        return None
    return None if limit == "max" else max(0, int(limit) - used)
