"""Which seeds are still to be trained, and in which blocks.

An interrupted block keeps its seeds, since a resume is exact only for the same stack. The size of
new blocks is chosen once per machine and remembered beside the runs.

A repeat is trained by itself, where its twin, repeat 0, may be one of a stack: the two then differ
by what a layout of the work can change, which is rounding and what training makes of it. Where
blocks are of one seed, a repeat is the same computation again, and differs only where the machine
does not give the same result twice.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.atomic import write_file
from training.block_size import split_evenly
from training.checkpoint import checkpoint_seeds
from training.experiment import Experiment, Seed

_CHOICE = "block.json"
_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class PlannedBlock:
    """Seeds to train together; `checkpoint` is where their interrupted training is kept."""

    seeds: tuple[Seed, ...]
    checkpoint: Path


def blocks_folder(experiment_folder: Path) -> Path:
    """The hidden folder of what is only needed until all seeds are trained."""
    return experiment_folder / ".blocks"


def plan(
    experiment: Experiment, missing: Iterable[Seed], folder: Path, choose: Callable[[int], int]
) -> list[PlannedBlock]:
    """Blocks that cover the missing seeds, interrupted ones first.

    A checkpoint is used if every seed that it trains and that is not finished is among the
    missing. `choose` gives a block size for a number of seeds; repeats come last, one at a time.
    """
    left = list(missing)
    planned = []
    for block in _interrupted(folder):
        unfinished = [s for s in block.seeds if not (folder.parent / f"seed-{s}").exists()]
        if unfinished and set(unfinished) <= set(left):
            planned.append(block)
            left = [seed for seed in left if seed not in unfinished]
    first = [seed for seed in left if not seed.repeat]
    if first:
        size = experiment.trainer.block
        size = _remembered(folder, len(first), choose) if size == "auto" else size
        planned += [_new_block(folder, seeds) for seeds in split_evenly(first, size)]
    return planned + [_new_block(folder, [seed]) for seed in left if seed.repeat]


def _interrupted(folder: Path) -> list[PlannedBlock]:
    paths = sorted(folder.glob(f"*{_SUFFIX}"))
    found = [(tuple(Seed(*streams) for streams in checkpoint_seeds(p)), p) for p in paths]
    return [PlannedBlock(seeds, path) for seeds, path in found]


def _new_block(folder: Path, seeds: Sequence[Seed]) -> PlannedBlock:
    name = hashlib.sha256(" ".join(map(str, seeds)).encode()).hexdigest()[:16]
    return PlannedBlock(tuple(seeds), folder / f"{name}{_SUFFIX}")


def _remembered(folder: Path, seeds: int, choose: Callable[[int], int]) -> int:
    circumstances = {
        "seeds": seeds,
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
    path = folder / _CHOICE
    known = _read_choice(path)
    if known.get("circumstances") == circumstances and type(known.get("block")) is int:
        return max(1, known["block"])
    block = choose(seeds)
    content = {"block": block, "circumstances": circumstances}
    folder.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(content, sort_keys=True).encode())
    return block


def _read_choice(path: Path) -> dict[str, Any]:
    """What was remembered; nothing where that can't be read, since it can be measured again."""
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
