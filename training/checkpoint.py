"""Interrupted training on disk: one safetensors file, its structure as JSON in the header.

Never pickle. A checkpoint is replaced in one step, so a process killed at any moment leaves a
whole one; its SHA-256 is checked before anything is resumed from it.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from training.atomic import write_file
from training.runs import RunError

FORMAT = "2"
_SECONDS_BETWEEN = 30.0
_LARGEST_SHARE = 0.05  # of the time may go into writing checkpoints


class SafetensorsIO(CheckpointIO):
    """Lightning's checkpoints as safetensors: nested dicts, lists, tuples, numbers, tensors."""

    def save_checkpoint(
        self, checkpoint: Mapping[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        tensors: dict[str, Tensor] = {}
        tree = json.dumps(_encode(checkpoint, tensors), sort_keys=True)
        header = {"format": FORMAT, "tree": tree, "sha256": _digest(tree, tensors)}
        write_file(Path(path), save(tensors, metadata=header))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        header, tensors = _read(Path(path), with_tensors=True)
        if _digest(header["tree"], tensors) != header["sha256"]:
            raise RunError(f"{path}: changed since it was written; delete it to start again")
        return _decode(json.loads(header["tree"]), tensors)

    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)


def checkpoint_seeds(path: Path) -> list[list[int]]:
    """The (init, order, noise) of the seeds in a checkpoint, and a repeat above 0, from its header
    alone."""
    header, _ = _read(path, with_tensors=False)
    return _decode(json.loads(header["tree"]), None)["seeds"]


class Checkpointing(Callback):
    """Saves to `path` every `every` steps; if None, every 30 seconds, or more seldom where
    writing is slow, so that short trainings write nothing.

    Also when something is raised between two updates, and when `stopped` says at the end of one
    that Ctrl-C was pressed: within an update there is no whole state to save, and the last
    checkpoint stands."""

    def __init__(self, path: Path, every: int | None, stopped: Callable[[], bool]) -> None:
        self.path, self.every, self._stopped = path, every, stopped
        self._between_updates = False
        self._due = 0.0
        self._pause = _SECONDS_BETWEEN

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._due = time.monotonic() + self._pause

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        finished = trainer.global_step == trainer.max_steps
        if not finished and self._is_due(trainer.global_step):
            self._save(trainer)
        self._between_updates = True  # not if saving failed: it would fail again
        if self._stopped():
            raise KeyboardInterrupt

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        self._between_updates = False

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        if self._between_updates:
            self._save(trainer)

    def _is_due(self, step: int) -> bool:
        return time.monotonic() >= self._due if self.every is None else step % self.every == 0

    def _save(self, trainer: Trainer) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        trainer.save_checkpoint(self.path)
        ended = time.monotonic()
        self._due = ended + max(self._pause, (ended - begun) / _LARGEST_SHARE)


def _read(path: Path, with_tensors: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            names = list(file.keys()) if with_tensors else []
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path}: not a readable checkpoint ({error})") from error
    if header.get("format") != FORMAT:
        found = header.get("format")
        problem = f"checkpoint format {found}, this program reads format {FORMAT}"
        raise RunError(f"{path}: {problem}; delete it to start again")
    return header, tensors


def _digest(tree: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(tree.encode())
    for name in sorted(tensors):
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _encode(value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON with the tensors taken out: every container is written with its kind."""
    if isinstance(value, Tensor):
        name = f"{len(tensors):06d}"
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"dict": [[_encode(k, tensors), _encode(v, tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(item, tensors) for item in value]}
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"a checkpoint holds numbers, text and tensors, got {type(value).__name__}")


def _decode(value: Any, tensors: Mapping[str, Tensor] | None) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return None if tensors is None else tensors[content]
    if kind == "dict":
        return {_decode(k, tensors): _decode(v, tensors) for k, v in content}
    items = (_decode(item, tensors) for item in content)
    return tuple(items) if kind == "tuple" else list(items)
