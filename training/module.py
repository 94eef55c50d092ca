"""The Lightning module: trains a block of seeds, one model or a stack; models are plain modules.

Data come by (order seed, step), clipping is by seed, and after each update the model's own
`constrain` acts. Nothing is fetched from the device within a step.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from lightning.pytorch import LightningModule
from torch import Tensor

from training.batches import Batches
from training.block import Block
from training.data.task import Stream, Task
from training.evaluation import evaluate
from training.experiment import Experiment, Seed
from training.optimizers import build_optimizer, learning_rate
from training.origin import refuse_stale
from training.random_state import load_random_state, noise_seed, random_state

NEVER = -1


class BlockModule(LightningModule):
    """Trains `block`, which holds the models of `seeds`, on a task that lies on the device.

    `batches` stand in for the task's own, where given.
    `history` collects (step, [seed, (train loss, held-out loss, held-out accuracy)]);
    `diverged_at` holds the first step at which a seed was not finite, or NEVER.
    """

    diverged_at: Int[Tensor, " seed"]

    def __init__(
        self,
        experiment: Experiment,
        seeds: Sequence[Seed],
        block: Block,
        task: Task,
        origin: Mapping[str, str],
        batches: Batches | None = None,
    ) -> None:
        super().__init__()
        self.origin = dict(origin)
        self.experiment, self.seeds, self.block, self.task = experiment, tuple(seeds), block, task
        self.batches = batches or Batches(task.train, experiment.trainer.batch_size, seeds)
        self.register_buffer("diverged_at", torch.full((len(seeds),), NEVER))
        self.history: list[tuple[int, Float[Tensor, "seed 3"]]] = []
        self.latest: Float[Tensor, " seed"] | None = None
        self.seconds = 0.0
        self._started = 0.0
        self._interrupted: Mapping[str, Tensor] | None = None
        compiled = experiment.trainer.compile
        self._losses: Callable[..., Tensor] = (
            torch.compile(block.losses) if compiled else block.losses
        )

    def training_step(self, batch: int, batch_idx: int) -> Float[Tensor, ""]:
        """Sum of the seeds' losses, whose gradient is each seed's own in its slice."""
        step = self.global_step
        losses = self._losses(*self.batches.at(step), self.batches.by_seed)
        self.latest = losses.detach()
        self.note_divergence(self.latest.isfinite(), step)
        return losses.sum()

    def note_divergence(self, finite: Bool[Tensor, " seed"], step: int) -> None:
        """Record `step` for seeds that are not finite and were so far."""
        self.diverged_at.masked_fill_(~finite & (self.diverged_at == NEVER), step)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return build_optimizer(
            self.experiment.optimizer, self.block.parameters(), self.block.seed_axes
        )

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        if self.experiment.optimizer.clip is not None:
            self.block.clip(self.experiment.optimizer.clip)

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None
    ) -> None:
        """One update at this step's learning rate, then the model's constraint and balances."""
        experiment = self.experiment
        rate = learning_rate(experiment.optimizer, self.global_step, experiment.trainer.max_steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step(closure=optimizer_closure)
        self.block.constrain()
        self.block.settle()

    def measure(self, step: int) -> None:
        """Evaluate every seed and append to the history."""
        trainer, task = self.experiment.trainer, self.task
        piece = trainer.batch_size or (64 if isinstance(task.train, Stream) else len(task.train))
        self.block.eval()
        with torch.no_grad(), torch.random.fork_rng():
            windows, measures = trainer.evaluate_windows, self.block.measures
            train = evaluate(measures, task.train, windows, piece)[:, :1]
            held_out = evaluate(measures, task.held_out, windows, piece)
        self.block.train()
        self.note_divergence(self.block.is_finite() & train[:, 0].isfinite(), step)
        self.history.append((step, torch.cat([train, held_out], dim=1).cpu()))

    def on_train_start(self) -> None:
        self._started = time.monotonic() - self.seconds
        if self._interrupted is None:
            torch.manual_seed(noise_seed(self.seeds))
        else:
            load_random_state(self._interrupted)

    def on_train_end(self) -> None:
        self.seconds = time.monotonic() - self._started

    def train_dataloader(self) -> "StepCounter":
        return StepCounter()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["seeds"] = [list(seed.to_mapping().values()) for seed in self.seeds]
        checkpoint["origin"] = self.origin
        checkpoint["history"] = [[step, values] for step, values in self.history]
        checkpoint["seconds"] = time.monotonic() - self._started
        checkpoint["random"] = random_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        refuse_stale("the checkpoint in .blocks", checkpoint["origin"], self.origin)
        self.history = [(step, values) for step, values in checkpoint["history"]]
        self.seconds = checkpoint["seconds"]
        self._interrupted = checkpoint["random"]


class StepCounter:
    """An endless data loader of nothing: batches are found by the step, not handed over."""

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 0
