"""What a model is trained and measured on: a training part, a held-out part, a probe.

Two shapes of data cover all tasks: a `Split` of independent examples, and a `Stream` of tokens
read through windows, whose targets are the same tokens one place later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.spread import evenly


@dataclass(frozen=True, eq=False)
class Split:
    """Independent examples: row i of `targets` is the answer to row i of `inputs`."""

    inputs: Shaped[Tensor, "example *input"]
    targets: Shaped[Tensor, "example *target"]

    def __len__(self) -> int:
        return len(self.inputs)

    def take(
        self, indices: Int[Tensor, "*lead"]
    ) -> tuple[Shaped[Tensor, "*lead_input"], Shaped[Tensor, "*lead_target"]]:
        """The examples at `indices`: inputs [*lead, *input] and targets [*lead, *target]."""
        indices = indices.to(self.inputs.device)
        return self.inputs[indices], self.targets[indices]

    def to(self, device: torch.device | str) -> "Split":
        """The same examples on `device`."""
        return Split(self.inputs.to(device), self.targets.to(device))


@dataclass(frozen=True, eq=False)
class Stream:
    """One long row of tokens, read through windows of `context` tokens that begin at `starts`."""

    tokens: Int[Tensor, " token"]
    starts: Int[Tensor, " window"]
    context: int

    def __len__(self) -> int:
        return len(self.starts)

    def take(
        self, indices: Int[Tensor, "*lead"]
    ) -> tuple[Int[Tensor, "*lead position"], Int[Tensor, "*lead position"]]:
        """The windows at `indices` and, as targets, the token that follows each of theirs."""
        starts = self.starts[indices.to(self.starts.device)]
        at = starts[..., None] + torch.arange(self.context, device=starts.device)
        return self.tokens[at], self.tokens[at + 1]

    def to(self, device: torch.device | str) -> "Stream":
        """The same windows on `device`."""
        return Stream(self.tokens.to(device), self.starts.to(device), self.context)


@dataclass(frozen=True, eq=False)
class Meanings:
    """What each token of a task's two streams is known to mean; -1 where it has one meaning only.

    `names` gives, for each ambiguous token, what its meanings 0, 1, ... are called.
    """

    train: Int[Tensor, " train_token"]
    held_out: Int[Tensor, " held_out_token"]
    names: Mapping[int, tuple[str, ...]]

    def to(self, device: torch.device | str) -> "Meanings":
        """The same meanings on `device`."""
        return replace(self, train=self.train.to(device), held_out=self.held_out.to(device))


@dataclass(frozen=True, eq=False)
class Task:
    """A named piece of work; `probe` is the held-out part that seeds are compared on.

    `labels` names the outputs, one raw text each (escaped where shown); `dimensions` holds the
    sizes that a model's config may ask for; `group`, `meanings` and `truth`, the formula of a
    regression, are the ground truth where there is one; `operators`, a complex matrix for each
    token (real and imaginary part last), is the process itself where it is known exactly; `unit` is
    that of the loss; `picture` is rows and columns where inputs are images; `features` names the
    columns of a table, one raw text each, and is empty where they have no names.
    """

    name: str
    train: Split | Stream
    held_out: Split | Stream
    outputs: int
    labels: tuple[str, ...]
    dimensions: Mapping[str, Any]
    group: FiniteGroup | None = None
    unit: str = "nats"
    probe_size: int | None = None
    picture: tuple[int, int] | None = None
    operators: Float[Tensor, "vocab n n 2"] | None = None
    meanings: Meanings | None = None
    truth: str | None = None
    features: tuple[str, ...] = ()

    @cached_property
    def probe(self) -> Split:
        """Held-out inputs and answers, the same for every seed, spread evenly.

        At most `probe_size` of them: by default 4096 examples, or 64 windows.
        """
        default = 4096 if isinstance(self.held_out, Split) else 64
        return Split(*self.held_out.take(evenly(len(self.held_out), self.probe_size or default)))

    @property
    def sample(self) -> Shaped[Tensor, "input *shape"]:
        """Probe inputs enough to check parts on: 512 examples, or 8 windows."""
        return self.probe.inputs[: 512 if isinstance(self.held_out, Split) else 8]

    def __post_init__(self) -> None:
        if len(self.labels) != self.outputs:
            raise ValueError(
                f"labels: wants one for each of {self.outputs} outputs, got {len(self.labels)}"
            )
        for part, data in (("train", self.train), ("held_out", self.held_out)):
            if len(data) == 0:
                raise ValueError(f"{part}: wants at least one example or window, got none")

    def to(self, device: torch.device | str) -> "Task":
        """The same task with its tensors on `device`."""
        return replace(
            self,
            train=self.train.to(device),
            held_out=self.held_out.to(device),
            meanings=None if self.meanings is None else self.meanings.to(device),
            operators=None if self.operators is None else self.operators.to(device),
        )


def split_examples(
    inputs: Shaped[Tensor, "example *input"],
    targets: Shaped[Tensor, "example *target"],
    share: float,
    split_seed: int = 0,
) -> tuple[Split, Split]:
    """A random `share` of the examples to train on, and the rest held out.

    A fixed function of `split_seed`. Raises ValueError, with both counts, when either part would
    be empty.
    """
    train, held_out = split_indices(len(inputs), share, split_seed)
    return Split(inputs[train], targets[train]), Split(inputs[held_out], targets[held_out])


def split_indices(
    count: int, share: float, split_seed: int, argument: str = "share"
) -> tuple[Int[Tensor, " first"], Int[Tensor, " second"]]:
    """round(share * count) of the numbers below `count`, drawn by `split_seed`, and the others.

    Both are ascending. Raises ValueError, naming `argument` and both counts, when either would be
    empty.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"{argument}: wants a number between 0 and 1, got {share}")
    if split_seed < 0:
        raise ValueError(f"split_seed: wants a whole number from 0 up, got {split_seed}")
    first = round(share * count)
    if not 0 < first < count:
        raise ValueError(
            f"{argument}: {share} of {count} takes {first} and leaves {count - first}; "
            "wants at least one to train on and one to test on"
        )
    order = torch.from_numpy(np.random.default_rng(split_seed).permutation(count))
    return order[:first].sort().values, order[first:].sort().values
