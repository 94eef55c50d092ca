"""What is to be trained: one `Experiment` is a model, a task, an optimiser and a list of seeds.

A `Comparison` is several architectures on several tasks, which unfolds into experiments. Both are
frozen, are read from whole YAML files (none inherits from another), and refuse unknown keys.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from interpretable_arch.decomposition import Tier
from training.parsing import ConfigError, parse, to_plain, wants
from training.settings import Optimizer, Part, Seed, Trainer, at_least
from training.yaml_file import load_yaml

__all__ = [
    "Architecture",
    "Comparison",
    "ConfigError",
    "Experiment",
    "Optimizer",
    "Part",
    "Seed",
    "Trainer",
]

LAYOUT = frozenset({"accelerator", "block", "checkpoint_every", "compile"})
LARGEST_DISTANCE = math.sqrt(math.log(2))
FORBIDDEN_IN_NAMES = frozenset('/\\:*?"<>|')


@dataclass(frozen=True)
class Experiment:
    """One model on one task under one optimiser, trained once for each seed.

    `require` is the weakest exactness that will do: unconditional, given, remainder, approximate.
    `also_read` names readings that take long and are made when asked for. `loss` is what to train
    on instead of the cross-entropy (see `losses`), `combine` makes each seed's run from several
    (see `combine`).
    """

    name: str
    model: Part
    task: Part
    trainer: Trainer
    seeds: tuple[Seed, ...]
    optimizer: Optimizer = field(default_factory=Optimizer)
    require: Tier | None = None
    also_read: tuple[str, ...] = ()
    loss: Part | None = None
    combine: Part | None = None

    def __post_init__(self) -> None:
        _check_name("name", self.name)
        _check_seeds(self.seeds)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Experiment":
        """From plain values; ConfigError names the key, what it wants, the nearest valid one."""
        return parse(cls, _spell_out_seeds(mapping))

    @classmethod
    def from_yaml(cls, path: Path | str) -> "Experiment":
        """From a YAML file; as `from_mapping`, with the file in the error's path."""
        return _from_file(cls, path)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values that JSON and YAML can hold; `from_mapping` reads them back."""
        return to_plain(self)

    def fingerprint(self) -> str:
        """A hash of all that decides a result, blind to key order and 1 against 1.0.

        Not the name, the seeds, what is required and read, nor how the work is laid out (`LAYOUT`),
        which changes no more than rounding.
        """
        aside = ("name", "seeds", "require", "also_read")
        plain = {k: v for k, v in self.to_mapping().items() if k not in aside}
        plain = {k: v for k, v in plain.items() if v is not None}
        plain["trainer"] = {k: v for k, v in plain["trainer"].items() if k not in LAYOUT}
        text = json.dumps(_canonical(plain), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Architecture:
    """A model with the optimiser and the trainer that suit it, the exactness it must keep, and the
    loss and the combination that an `Experiment` may ask for."""

    model: Part
    trainer: Trainer
    optimizer: Optimizer = field(default_factory=Optimizer)
    require: Tier | None = None
    loss: Part | None = None
    combine: Part | None = None


@dataclass(frozen=True)
class Comparison:
    """Every architecture on every task, on the same seeds.

    A seed counts as having solved its task at a held-out accuracy of `solved_at`; two seeds found
    the same solution when the distance of their outputs, the root mean square of sqrt(JSD) over the
    inputs, is at most `class_threshold`, from 0 to sqrt(ln 2) = 0.8326.
    """

    name: str
    description: str
    seeds: tuple[Seed, ...]
    tasks: dict[str, Part]
    architectures: dict[str, Architecture]
    solved_at: float = 1.0
    class_threshold: float = 0.1
    also_read: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_seeds(self.seeds)
        for key in ("tasks", "architectures"):
            if not getattr(self, key):
                raise ConfigError(key, "wants at least one, got none")
            for name in getattr(self, key):
                _check_name(f"{key}.{name}", name)
        _check_name("name", self.name)
        if not 0 <= self.solved_at <= 1:
            raise wants("solved_at", "a number from 0 to 1", self.solved_at)
        if not 0 <= self.class_threshold <= LARGEST_DISTANCE:
            raise wants("class_threshold", "a number from 0 to 0.8326", self.class_threshold)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Comparison":
        """From plain values; ConfigError names the key, what it wants, the nearest valid one."""
        return parse(cls, _spell_out_seeds(mapping))

    @classmethod
    def from_yaml(cls, path: Path | str) -> "Comparison":
        """From a YAML file; as `from_mapping`, with the file in the error's path."""
        return _from_file(cls, path)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values that JSON and YAML can hold; `from_mapping` reads them back."""
        return to_plain(self)

    def experiments(self) -> list[tuple[str, str, Experiment]]:
        """(task's name, architecture's name, experiment) of every pair, task by task."""
        return [
            (
                task_name,
                name,
                Experiment(
                    name=f"{self.name}-{task_name}-{name}",
                    task=task,
                    seeds=self.seeds,
                    model=architecture.model,
                    optimizer=architecture.optimizer,
                    trainer=architecture.trainer,
                    require=architecture.require,
                    also_read=self.also_read,
                    loss=architecture.loss,
                    combine=architecture.combine,
                ),
            )
            for task_name, task in self.tasks.items()
            for name, architecture in self.architectures.items()
        ]


Kind = TypeVar("Kind", Experiment, Comparison)


def _from_file(kind: type[Kind], path: Path | str) -> Kind:
    mapping = load_yaml(path)
    try:
        return kind.from_mapping(mapping)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.path}", error.problem) from None


def _spell_out_seeds(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """`seeds: 3` as the seeds 0, 1, 2, and a seed `s` as the three streams s, s, s."""
    plain = dict(mapping)
    seeds = plain.get("seeds")
    if type(seeds) is int:
        at_least("seeds", seeds, 1)
        seeds = list(range(seeds))
    if isinstance(seeds, list | tuple):
        plain["seeds"] = [
            {"init": s, "order": s, "noise": s} if type(s) is int else s for s in seeds
        ]
    elif "seeds" in plain:
        raise wants("seeds", "how many, or a list of them", seeds)
    return plain


def _check_seeds(seeds: tuple[Seed, ...]) -> None:
    if not seeds:
        raise ConfigError("seeds", "wants at least one, got none")
    first: dict[Seed, int] = {}
    for place, seed in enumerate(seeds):
        if seed in first:
            raise ConfigError(
                f"seeds[{place}]", f"{seed} is given twice, first as seeds[{first[seed]}]"
            )
        first[seed] = place


def _check_name(path: str, name: str) -> None:
    """Names become folders, so what some file system forbids is refused everywhere."""
    fine = name.isprintable() and not FORBIDDEN_IN_NAMES & set(name) and len(name) <= 200
    if not (name and fine) or name != name.strip(". "):
        raise wants(path, "1 to 200 printable characters that a folder's name may have", name)


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
