"""The runs that one combined run is made of: which seeds, and where they are kept."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.data.task import Task
from training.experiment import Experiment
from training.runs import Run
from training.settings import Seed, at_least

STORE = "members"


@dataclass(frozen=True, eq=False)
class Assignment:
    """What a combined run is to be: its experiment and seed, what it is made of, its task on the
    device of the training, and where an interrupted training of its own is kept."""

    experiment: Experiment
    seed: Seed
    members: tuple[Run, ...]
    task: Task
    origin: Mapping[str, str]
    checkpoint: Path

    def run(self, source: Run, **changed: Any) -> Run:
        """`source` under this experiment and seed; its seconds are those of all members."""
        seconds = sum(member.seconds for member in self.members)
        own = {"experiment": self.experiment, "seed": self.seed, "seconds": seconds}
        return replace(source, **{**own, **changed})

    @property
    def sound(self) -> list[Run]:
        """The members that did not diverge."""
        return [run for run in self.members if run.status == "finished"]


@dataclass(frozen=True)
class Combination(ABC):
    """How one run is made from `members` others."""

    members: int = 4

    def __post_init__(self) -> None:
        at_least("members", self.members, 1)

    @abstractmethod
    def combine(self, asked: Assignment) -> Run:
        """The run that is asked for; a diverged one where every member diverged."""


def member_seeds(seed: Seed, count: int) -> tuple[Seed, ...]:
    """Seeds of the members of one combined run, each stream derived from the same stream of `seed`.

    A fixed function; two seeds share no stream but by a chance of 2^-48 each, and those that share
    one, in a study of initialisation against order, share it in all members. A repeat has the same
    members, repeated.
    """
    return tuple(
        Seed(
            _derived("init", seed.init, n),
            _derived("order", seed.order, n),
            _derived("noise", seed.noise, n),
            seed.repeat,
        )
        for n in range(count)
    )


def members_experiment(experiment: Experiment, seeds: Sequence[Seed], count: int) -> Experiment:
    """The ordinary experiment that trains all members of `seeds`, seed by seed.

    Its name is the same whatever they are for, so that ways to combine share them.
    """
    derived = tuple(member for seed in seeds for member in member_seeds(seed, count))
    return replace(experiment, name=STORE, combine=None, seeds=derived)


def _derived(stream: str, number: int, member: int) -> int:
    text = f"member {member} of {stream} {number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
