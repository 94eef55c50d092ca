"""The pieces an experiment is made of, each checked on its own when it is made."""

from dataclasses import dataclass, field
from typing import Any, Literal

from training.parsing import wants


def at_least(name: str, got: int | float, least: int) -> None:
    """ConfigError unless `got` is `least` or more."""
    if not got >= least:
        raise wants(name, f"{least} or more", got)


def above_zero(name: str, got: int | float) -> None:
    """ConfigError unless `got` is more than 0."""
    if not got > 0:
        raise wants(name, "a number above 0", got)


@dataclass(frozen=True)
class Part:
    """A model or a task: a short name or dotted path, and the arguments it is built with."""

    class_path: str
    init_args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, order=True)
class Seed:
    """Three separate streams: initial weights, order of the data, noise during training.

    `repeat` is not a stream: the same three trained once more, whose distance from repeat 0 is the
    floor of what computation itself makes differ. As text "1-2-3", and "1-2-3-r1" for repeat 1.
    """

    init: int
    order: int
    noise: int
    repeat: int = 0

    def __post_init__(self) -> None:
        for name in ("init", "order", "noise", "repeat"):
            at_least(name, getattr(self, name), 0)

    def __str__(self) -> str:
        again = f"-r{self.repeat}" if self.repeat else ""
        return f"{self.init}-{self.order}-{self.noise}{again}"

    def to_mapping(self) -> dict[str, int]:
        """Plain values; without the repeat where that is 0, as seeds were always written."""
        streams = {"init": self.init, "order": self.order, "noise": self.noise}
        return streams | ({"repeat": self.repeat} if self.repeat else {})


@dataclass(frozen=True)
class Optimizer:
    """Adam or AdamW with linear warmup, then a schedule that ends at `final_fraction` of `lr`.

    "half" stays constant for the first half of the steps and follows a cosine in the second.
    `clip` bounds the gradient's norm, of each seed by itself.
    """

    name: Literal["adam", "adamw"] = "adamw"
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    warmup_steps: int = 0
    schedule: Literal["constant", "cosine", "half"] = "constant"
    final_fraction: float = 0.0
    clip: float | None = None

    def __post_init__(self) -> None:
        above_zero("lr", self.lr)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise wants("betas", "two numbers from 0 to below 1", self.betas)
        at_least("weight_decay", self.weight_decay, 0)
        at_least("warmup_steps", self.warmup_steps, 0)
        if not 0 <= self.final_fraction <= 1:
            raise wants("final_fraction", "a number from 0 to 1", self.final_fraction)
        if self.clip is not None:
            above_zero("clip", self.clip)


@dataclass(frozen=True)
class Trainer:
    """How long and on what to train.

    `max_steps` 0 is for models that find their answer in the data (see `training.data_fit`).
    `batch_size` None is the full batch. `evaluate_every` None is a twentieth of the steps; at most
    `evaluate_windows` held-out windows are used then. `block` is how many seeds train at once;
    a model that draws random numbers in training, as dropout does, trains them one at a time.
    `callbacks` are Lightning callbacks by dotted path; they see the `BlockModule` of all its seeds.
    """

    max_steps: int
    batch_size: int | None = None
    evaluate_every: int | None = None
    evaluate_windows: int = 256
    accelerator: str = "auto"
    precision: Literal["32", "64"] = "32"
    compile: bool = False
    block: int | Literal["auto"] = "auto"
    checkpoint_every: int | None = None
    callbacks: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        optional = ("batch_size", "evaluate_every", "checkpoint_every")
        at_least("max_steps", self.max_steps, 0)
        for name in ("evaluate_windows", "block", *optional):
            got = getattr(self, name)
            if got is not None and got != "auto":
                at_least(name, got, 1)

    @property
    def evaluation_period(self) -> int:
        """Steps between two evaluations."""
        return self.evaluate_every or max(1, self.max_steps // 20)
