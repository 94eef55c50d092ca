"""A run on disk: one folder a seed, whole or absent, checked when read. Never pickle.

<root>/<name>-<fingerprint>/seed-<init>-<order>-<noise>/     (and -r<repeat> for one above 0)
    config.json  versions.json  labels.json  metrics.parquet  weights.safetensors
    checksums.json   (SHA-256 of the others)
"""

import hashlib
import io
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import pyarrow
import pyarrow.parquet
import torch
from jaxtyping import Shaped
from safetensors.torch import load, save
from torch import Tensor, nn

from interpretable_arch.registry import build
from training.atomic import new_folder
from training.data.task import Task
from training.experiment import Experiment, Seed

FORMAT = 2
CHECKSUMS = "checksums.json"
_FILES = ("config.json", "versions.json", "labels.json", "metrics.parquet", "weights.safetensors")
_PACKAGES = ("interpretable-arch", "torch", "lightning", "safetensors", "numpy")
DTYPES = {"32": torch.float32, "64": torch.float64}


class RunError(ValueError):
    """A run folder that can't be used as it is: says which file and why."""


class RunExistsError(RunError):
    """The run to be written lies there already."""


@dataclass(frozen=True, eq=False)
class Run:
    """One trained seed. `metrics` has the columns step, train_loss, held_out_loss,
    held_out_accuracy; `diverged_at` is the first step whose loss or weights were not finite;
    `seconds` is this seed's share of its block's training time; `origin` holds the hashes of the
    data and of the caller's own code that it was trained from."""

    experiment: Experiment
    seed: Seed
    status: Literal["finished", "diverged"]
    metrics: pyarrow.Table
    weights: Mapping[str, Shaped[Tensor, "..."]]
    seconds: float
    versions: Mapping[str, Any]
    labels: tuple[str, ...]
    diverged_at: int | None = None
    origin: Mapping[str, str] = field(default_factory=dict)


def current_versions() -> dict[str, Any]:
    """The run format and the versions of what computes a run."""
    found: dict[str, Any] = {"format": FORMAT, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # the project itself, run from a checkout
            found[package] = None
    return found


def experiment_folder(root: Path, experiment: Experiment) -> Path:
    """Where the runs of an experiment lie: the same for any name-preserving change of seeds."""
    return root / f"{experiment.name}-{experiment.fingerprint()[:10]}"


def seed_folder(root: Path, experiment: Experiment, seed: Seed) -> Path:
    """Where the run of one seed lies."""
    return experiment_folder(root, experiment) / f"seed-{seed}"


def save_run(root: Path, run: Run) -> Path:
    """Write a run's folder in one step and return it. Raises RunExistsError if it exists,
    DiskFullError if the disk is full; no partial folder is left."""
    folder = seed_folder(root, run.experiment, run.seed)
    try:
        with new_folder(folder) as files:
            files.update(_contents(run))
            sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            files[CHECKSUMS] = _json(sums)
    except FileExistsError as error:
        raise RunExistsError(f"{folder}: this run exists already and is left as it is") from error
    return folder


def load_run(folder: Path) -> Run:
    """Read a run after checking every file. Raises RunError naming the file that is missing, was
    changed, or is of another format."""
    files = {name: _read(folder / name) for name in (*_FILES, CHECKSUMS)}
    _verify_format(folder, files["versions.json"])
    sums = _parse(folder / CHECKSUMS, files[CHECKSUMS])
    for name in _FILES:
        if hashlib.sha256(files[name]).hexdigest() != sums.get(name):
            raise RunError(f"{folder / name}: changed since it was written (checksum differs)")
    config = json.loads(files["config.json"])
    return Run(
        experiment=Experiment.from_mapping(config["experiment"]),
        seed=Seed(**config["seed"]),
        status=config["status"],
        metrics=pyarrow.parquet.read_table(io.BytesIO(files["metrics.parquet"])),
        weights=load(files["weights.safetensors"]),
        seconds=config["seconds"],
        versions=json.loads(files["versions.json"]),
        labels=tuple(json.loads(files["labels.json"])),
        diverged_at=config["diverged_at"],
        origin=config["origin"],
    )


def find_runs(root: Path, experiment: Experiment) -> dict[Seed, Run]:
    """The runs on disk of this experiment's seeds, each checked, in the order of the seeds."""
    folders = {seed: seed_folder(root, experiment, seed) for seed in experiment.seeds}
    return {seed: load_run(folder) for seed, folder in folders.items() if folder.exists()}


def run_model(run: Run, task: Task) -> nn.Module:
    """The trained model, on the processor, in evaluation mode. Raises RunError where weights and
    architecture don't fit each other."""
    part, dtype = run.experiment.model, DTYPES[run.experiment.trainer.precision]
    model = build(part.class_path, part.init_args, task.dimensions).to(dtype)
    loaded = model.load_state_dict(dict(run.weights), strict=False)
    tensors = model.state_dict(keep_vars=True)
    filled = {id(tensors[name]) for name in run.weights if name in tensors}
    missing = [name for name in loaded.missing_keys if id(tensors[name]) not in filled]
    if missing or loaded.unexpected_keys:
        raise RunError(
            f"weights.safetensors of seed {run.seed}: the architecture wants {missing} besides, "
            f"and doesn't know {loaded.unexpected_keys}"
        )
    return model.eval()


def _contents(run: Run) -> dict[str, bytes]:
    outcome = {"status": run.status, "seconds": run.seconds, "diverged_at": run.diverged_at}
    asked = {"experiment": run.experiment.to_mapping(), "seed": run.seed.to_mapping()}
    config = {**asked, **outcome, "origin": dict(run.origin)}
    table = io.BytesIO()
    pyarrow.parquet.write_table(run.metrics, table)
    weights = {name: tensor.cpu().contiguous() for name, tensor in run.weights.items()}
    return {
        "config.json": _json(config),
        "versions.json": _json(run.versions),
        "labels.json": _json(run.labels),
        "metrics.parquet": table.getvalue(),
        "weights.safetensors": save(weights),
    }


def _verify_format(folder: Path, content: bytes) -> None:
    found = _parse(folder / "versions.json", content).get("format")
    if found != FORMAT:
        raise RunError(
            f"{folder / 'versions.json'}: run format {found}, this program reads format {FORMAT}"
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise RunError(f"{path}: missing from the run folder") from None


def _parse(path: Path, content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except ValueError as error:
        raise RunError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(parsed, dict):
        raise RunError(f"{path}: wanted a JSON object, got {type(parsed).__name__}")
    return parsed


def _json(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=1) + "\n").encode()
