"""A student of the members: trained from its own seed on the mean of their probabilities.

    L = - mean_x sum_c q_c(x) log p_c(x),   q = w (1/n) sum_i p_i + (1 - w) [c = y]

at as many steps, on the same order of data, as an ordinary run of that seed. Hinton, Vinyals, Dean
2015 (arXiv 1503.02531), at temperature 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional

from training.batches import Batches
from training.combine.members import Assignment, Combination
from training.experiment import ConfigError
from training.finished import runs_of
from training.fit import device_of, train_block
from training.objective import IGNORED
from training.parsing import wants
from training.plan import PlannedBlock
from training.runs import Run, run_model


@dataclass(frozen=True)
class Distil(Combination):
    """`weight` w in (0, 1] is the members' share of what the student is taught, the data have the
    rest. The experiment's `loss` is the members'. Diverged members teach nothing."""

    weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.weight <= 1:
            raise wants("weight", "a number above 0 and at most 1", self.weight)

    def combine(self, asked: Assignment) -> Run:
        if not asked.sound:
            return asked.run(asked.members[0])
        device = device_of(asked.experiment.trainer.accelerator)
        teachers = [run_model(run, asked.task).to(device) for run in asked.sound]
        taught = Taught(asked, teachers, self.weight)
        alone = PlannedBlock((asked.seed,), asked.checkpoint)
        module = train_block(
            asked.experiment,
            alone,
            asked.task,
            device,
            asked.origin,
            batches=taught,
            loss=soft_cross_entropy,
        )
        (run,) = runs_of(module)
        return asked.run(run, seconds=run.seconds + sum(m.seconds for m in asked.members))


class Taught(Batches):
    """The student's batches, with probabilities for targets; zeros where a target doesn't count."""

    def __init__(self, asked: Assignment, teachers: Sequence[nn.Module], weight: float) -> None:
        super().__init__(asked.task.train, asked.experiment.trainer.batch_size, [asked.seed])
        self._teachers, self._weight = teachers, weight

    @torch.no_grad()
    def at(self, step: int) -> tuple[Shaped[Tensor, "..."], Shaped[Tensor, "..."]]:
        inputs, targets = super().at(step)
        if targets.is_floating_point():
            raise ConfigError("combine", "distil wants a task whose targets are classes")
        rows = inputs.flatten(0, 1) if self.by_seed else inputs
        answers = [teacher(rows).softmax(-1) for teacher in self._teachers]
        mean = torch.stack(answers).mean(0)
        mean = mean.unflatten(0, inputs.shape[:2]) if self.by_seed else mean
        return inputs, soft_targets(mean, targets, self._weight)


def soft_targets(
    mean: Float[Tensor, "*index output"], targets: Int[Tensor, "*index"], weight: float
) -> Float[Tensor, "*index output"]:
    """`weight` of the mean and the rest of the class that came; zeros where the target is -100."""
    counted = targets != IGNORED
    came = functional.one_hot(targets.masked_fill(~counted, 0), mean.shape[-1])
    return (weight * mean + (1 - weight) * came) * counted[..., None]


def soft_cross_entropy(
    outputs: Float[Tensor, "*index output"], targets: Float[Tensor, "*index output"]
) -> Float[Tensor, ""]:
    """- sum q log p in nats, mean over the targets that are not all zero; 0 where all are."""
    total = -(targets * outputs.log_softmax(-1)).sum()
    return total / targets.sum().clamp_min(torch.finfo(targets.dtype).tiny)
