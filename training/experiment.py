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
from training.seeds import check_seeds, spell_out_seeds
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
ASIDE = frozenset({"name", "seeds", "shuffled_seeds", "require", "also_read"}) | frozenset(
    {"solved_at", "class_threshold", "stress"}
)
LARGEST_DISTANCE = math.sqrt(math.log(2))
FORBIDDEN_IN_NAMES = frozenset('/\\:*?"<>|')


@dataclass(frozen=True)
class Experiment:
    """One model on one task under one optimiser, trained once for each seed.

    `require` is the weakest exactness that will do: unconditional, given, remainder, approximate.
    `also_read` names readings that take long and are made when asked for. `loss` is what to train
    on instead of the cross-entropy (see `losses`), `combine` makes each seed's run from several
    (see `combine`). `shuffled_seeds` is how many of the seeds a study also trains on answers dealt
    anew, as a null (see `shuffled_runs`); 0 is none. `solved_at` and `class_threshold` are those of
    a `Comparison`; `stress` is a task whose probe seeds are compared on besides.
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
    shuffled_seeds: int = 3
    solved_at: float = 1.0
    class_threshold: float = 0.1
    stress: Part | None = None

    def __post_init__(self) -> None:
        check_name("name", self.name)
        at_least("shuffled_seeds", self.shuffled_seeds, 0)
        check_seeds(self.seeds)
        _check_lines(self.solved_at, self.class_threshold)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Experiment":
        """From plain values; ConfigError names the key, what it wants, the nearest valid one."""
        return parse(cls, spell_out_seeds(mapping))

    @classmethod
    def from_yaml(cls, path: Path | str) -> "Experiment":
        """From a YAML file; as `from_mapping`, with the file in the error's path."""
        return _from_file(cls, path)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values that JSON and YAML can hold; `from_mapping` reads them back."""
        return {**to_plain(self), "seeds": [seed.to_mapping() for seed in self.seeds]}

    def fingerprint(self) -> str:
        """A hash of all that decides a result, blind to key order and 1 against 1.0.

        Not what is done with the runs (`ASIDE`), nor how the work is laid out (`LAYOUT`), which
        changes no more than rounding.
        """
        plain = {k: v for k, v in self.to_mapping().items() if k not in ASIDE}
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
    inputs, is at most `class_threshold`, from 0 to sqrt(ln 2) = 0.8326. `shuffled_seeds` and
    `stress` hold for each pair, as in an `Experiment`.
    """

    name: str
    description: str
    seeds: tuple[Seed, ...]
    tasks: dict[str, Part]
    architectures: dict[str, Architecture]
    solved_at: float = 1.0
    class_threshold: float = 0.1
    also_read: tuple[str, ...] = ()
    shuffled_seeds: int = 3
    stress: Part | None = None

    def __post_init__(self) -> None:
        at_least("shuffled_seeds", self.shuffled_seeds, 0)
        check_seeds(self.seeds)
        for key in ("tasks", "architectures"):
            if not getattr(self, key):
                raise ConfigError(key, "wants at least one, got none")
            for name in getattr(self, key):
                check_name(f"{key}.{name}", name)
        check_name("name", self.name)
        _check_lines(self.solved_at, self.class_threshold)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "Comparison":
        """From plain values; ConfigError names the key, what it wants, the nearest valid one."""
        return parse(cls, spell_out_seeds(mapping))

    @classmethod
    def from_yaml(cls, path: Path | str) -> "Comparison":
        """From a YAML file; as `from_mapping`, with the file in the error's path."""
        return _from_file(cls, path)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values that JSON and YAML can hold; `from_mapping` reads them back."""
        return {**to_plain(self), "seeds": [seed.to_mapping() for seed in self.seeds]}

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
                    shuffled_seeds=self.shuffled_seeds,
                    solved_at=self.solved_at,
                    class_threshold=self.class_threshold,
                    stress=self.stress,
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


def _check_lines(solved_at: float, class_threshold: float) -> None:
    """The lines that are drawn before looking lie where they can divide anything."""
    if not 0 <= solved_at <= 1:
        raise wants("solved_at", "a number from 0 to 1", solved_at)
    if not 0 <= class_threshold <= LARGEST_DISTANCE:
        raise wants("class_threshold", "a number from 0 to 0.8326", class_threshold)


def check_name(path: str, name: str) -> None:
    """ConfigError at `path` for a name that some file system forbids: names become folders."""
    fine = name.isprintable() and not FORBIDDEN_IN_NAMES & set(name) and len(name) <= 200
    if not (name and fine) or name != name.strip(". "):
        raise wants(path, "1 to 200 printable characters that a folder's name may have", name)


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
