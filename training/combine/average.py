"""The mean of the members' weights, each first carried onto the first by the model's own symmetry.

    theta = (1/n) sum_i g_i theta_i,   g_i = argmin_g ||g theta_i - theta_1||

Two copies of one function average to that function only when they lie in the same copy of it
(Entezari et al. 2022, arXiv:2110.06296; Ainsworth, Hayase, Srinivasa 2023, arXiv:2209.04836).
Members are trained apart and are no copies: `alignment.descent.align` looks for each g_i, so it is
an optimum of its descent and not always the least of all. Members from one start need no alignment
(Wortsman et al. 2022, arXiv:2203.05482). Where a model keeps its parameters on a set that is not
convex, as unitary matrices, the mean is carried back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from interpretable_arch.alignment.descent import align
from interpretable_arch.alignment.objective import widened
from interpretable_arch.symmetry import Parameters, Symmetry, weights
from training.block import OneSeed
from training.combine.members import Assignment, Combination
from training.constraint import constrain
from training.experiment import ConfigError, Experiment
from training.finished import runs_of
from training.module import BlockModule
from training.runs import Run, run_model

ROUNDS = 100  # a retraction may be an iteration for what is near: the mean is far


@dataclass(frozen=True)
class Average(Combination):
    """`align` False takes the mean of the weights as they stand. Diverged members are left out.

    Raises ConfigError where a model that is to be aligned states no symmetry.
    """

    align: bool = True

    def combine(self, asked: Assignment) -> Run:
        if not asked.sound:
            return asked.run(asked.members[0])
        models = [run_model(run, asked.task) for run in asked.sound]
        model = models[0]
        members = [{n: v.clone() for n, v in weights(m).items()} for m in models]
        model.load_state_dict(mean_weights(members, self._symmetry(asked.experiment, model)))
        carry_back(model)
        return asked.run(_measured(model, asked))

    def _symmetry(self, experiment: Experiment, model: nn.Module) -> Symmetry | None:
        if not self.align:
            return None
        symmetry = getattr(model, "symmetry", None)
        if symmetry is None:
            name = experiment.model.class_path
            raise ConfigError("combine", f"wants a model with a symmetry to align, {name} has none")
        return symmetry()


def mean_weights(members: Sequence[Parameters], symmetry: Symmetry | None) -> dict[str, Tensor]:
    """Mean of all in the frame of the first, the others carried near it; None: all as they are.

    Carried by weight matching from several starts (Ainsworth, Hayase, Srinivasa 2023,
    arXiv:2209.04836; `alignment.descent.align`), the same at every call: members are never further
    from the first than as they are. Whole numbers, such as counts, are the first's. Raises
    ValueError, where there is a symmetry, for members of other names, other shapes or numbers that
    aren't finite.
    """
    first = members[0]
    if symmetry is not None:
        head, *others = (widened(each) for each in members)
        members = [head, *(_carried(other, head, symmetry) for other in others)]
    return {
        name: torch.stack([each[name] for each in members]).mean(0).to(value.dtype)
        if value.is_floating_point() or value.is_complex()
        else value
        for name, value in first.items()
    }


def _carried(other: Parameters, first: Parameters, symmetry: Symmetry) -> dict[str, Tensor]:
    return symmetry.act(align(other, first, symmetry).element, other)


@torch.no_grad()
def carry_back(model: nn.Module) -> None:
    """Retract the model's parameters, if it says how, until another time leaves them in place."""
    for _ in range(ROUNDS):
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        constrain(model, seed_axes=0)
        moved = [(p - before[name]).abs().max() for name, p in model.named_parameters()]
        if all(m <= 16 * torch.finfo(m.dtype).eps for m in moved):
            return


def _measured(model: nn.Module, asked: Assignment) -> Run:
    """The run that `model` is, measured as after its last step."""
    experiment, task = asked.experiment, asked.task
    block = OneSeed(model)
    module = BlockModule(experiment, [asked.seed], block, task, asked.origin)
    module.to(task.train.take(torch.zeros(1, dtype=torch.long))[0].device)
    module.measure(experiment.trainer.max_steps)
    return next(runs_of(module))
