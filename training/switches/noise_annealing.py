"""Gaussian noise on the gradient that dies away, so that seeds may leave shallow basins early.

    g_t <- g_t + sigma_t n_t,   sigma_t^2 = size^2 / (1 + t)^power,   sigma_t = 0 from `stop` on

Neelakantan et al. 2015 (arXiv 1511.06807), with power .55 there. With Adam, which divides by the
size of what it sees, noise matters while it is not small against the gradient.
"""

import hashlib
import math
from collections.abc import Sequence

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from training.experiment import Seed
from training.module import BlockModule


class NoiseAnnealing(Callback):
    """Each seed's noise at each step is a pure function of its noise stream and the step.

    So a resumed training draws the same, alone or stacked. It is added before clipping.
    Raises ValueError for a size or power that is no finite number from 0 up and a stop below 1.
    """

    def __init__(self, size: float, stop: int, power: float = 0.55) -> None:
        for name, value in (("size", size), ("power", power)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name}: wanted a finite number, 0 or more, got {value}")
        if stop < 1:
            raise ValueError(f"stop: wanted at least 1 step, got {stop}")
        self.size, self.stop, self.power = size, stop, power

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        assert isinstance(pl_module, BlockModule)
        gradients = [p.grad for p in pl_module.block.parameters()]
        stacked = bool(pl_module.block.seed_axes)
        self.add(gradients, pl_module.seeds, trainer.global_step, stacked)

    def sigma(self, step: int) -> float:
        """Standard deviation of the noise before update `step`, from 0."""
        return self.size / (1 + step) ** (self.power / 2) if step < self.stop else 0.0

    @torch.no_grad()
    def add(
        self, gradients: Sequence[Tensor | None], seeds: Sequence[Seed], step: int, stacked: bool
    ) -> None:
        """Add each seed's noise to its slice of all gradients, in place."""
        sigma = self.sigma(step)
        if sigma == 0:
            return
        for index, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(_key(seed, step))
            for gradient in gradients:
                if gradient is not None:
                    mine = gradient[index] if stacked else gradient
                    noise = torch.randn(mine.shape, generator=generator, dtype=mine.dtype)
                    mine.add_(noise.to(mine.device), alpha=sigma)


def _key(seed: Seed, step: int) -> int:
    digest = hashlib.sha256(f"noise {seed.noise} step {step}".encode()).digest()
    return int.from_bytes(digest[:7])
