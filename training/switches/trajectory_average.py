"""A seed's result is the mean of its own weights over the last part of its training.

    theta = (1/n) sum_{t > start} theta_t

Averaging does for the noise of the steps what a falling learning rate does, at no cost but memory:
leave the schedule constant with it. Polyak and Juditsky 1992; Izmailov et al. 2018
(arXiv 1803.05407).
"""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from training.module import BlockModule


class TrajectoryAverage(Callback):
    """The mean over the updates after `start`, each counted once, set at the last update.

    It is in the checkpoints, so that a resumed training ends in the same mean. Evaluations before
    the last see the weights as they are. Raises ValueError for a start below 0 and, once training
    starts, for one that leaves no update, and for a model that retracts its own parameters: the
    mean would not lie where it keeps them.
    """

    def __init__(self, start: int) -> None:
        if start < 0:
            raise ValueError(f"start: wanted 0 or more, got {start}")
        self.start, self._mean = start, {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, BlockModule)
        tree = pl_module.block.tree
        if hasattr(tree, "constrain"):
            raise ValueError(
                f"model: {type(tree).__name__} retracts its parameters after each step"
            )
        if self.start >= trainer.max_steps:
            raise ValueError(f"start: wanted below {trainer.max_steps} steps, got {self.start}")
        held = {name: p.detach() for name, p in tree.named_parameters()}
        self._mean = {name: value.to(held[name]) for name, value in self._mean.items()}

        def after_step(*_: Any) -> None:
            self.take(held, trainer.global_step + 1, trainer.max_steps)

        self._hook = trainer.optimizers[0].register_step_post_hook(after_step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._hook.remove()

    @torch.no_grad()
    def take(self, held: Mapping[str, Tensor], step: int, last: int) -> None:
        """Count the weights after update `step`, from 1; after the `last`, put the mean there."""
        count = step - self.start
        if count < 1:
            return
        for name, value in held.items():
            if count == 1:
                self._mean[name] = value.clone()
            self._mean[name].lerp_(value, 1 / count)
            if step == last:
                value.copy_(self._mean[name])

    def state_dict(self) -> dict[str, Any]:
        return dict(self._mean)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._mean = dict(state_dict)
