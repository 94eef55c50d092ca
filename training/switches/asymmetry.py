"""Asymmetric parametrisation: some entries of every matrix are fixed, at the same values for all.

Of each neuron's weights, `fixed` are held at values drawn once, N(0, size^2), each neuron other
ones: its neurons are then no longer free to change places, nor heads, experts and coordinates of
the stream. W-asymmetric networks, Lim et al. 2024 (arXiv 2405.20231).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from interpretable_arch.maths.sparsity import is_matrix
from training.module import BlockModule
from training.switches.weight_sparsity import FANS


@dataclass(frozen=True, eq=False)
class Held:
    """A parameter of the block, which of one seed's entries are fixed, and at what; a neuron's
    weights lie along the axis `fan`."""

    values: Tensor
    fan: int
    fixed: Bool[Tensor, "..."]
    at: Float[Tensor, "..."]

    def hold(self) -> None:
        """Put the fixed entries where they belong, in every seed, in place."""
        self.values.copy_(torch.where(self.fixed, self.at, self.values))


class Asymmetry(Callback):
    """Holds `fixed` entries of each neuron of each matrix, before the first step and after each.

    `seed` draws places and values, one for all seeds of a study. `fans` adds to or overrules
    `weight_sparsity.FANS`, the axis along which a neuron's weights lie. Raises ValueError for
    fixed below 1, for a size that is no finite number above 0 and, once training starts, for a
    neuron with no entry left free and for a model that retracts its own parameters.
    """

    def __init__(
        self, fixed: int, size: float, seed: int = 0, fans: Mapping[str, int] | None = None
    ) -> None:
        if fixed < 1:
            raise ValueError(f"fixed: wanted at least 1 entry, got {fixed}")
        if not 0 < size < math.inf:
            raise ValueError(f"size: wanted a finite number above 0, got {size}")
        self.fixed, self.size, self.seed = fixed, size, seed
        self.fans = {**FANS, **(fans or {})}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Before anything is measured."""
        assert isinstance(pl_module, BlockModule)
        self._hold(self.entries(pl_module))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, BlockModule)
        entries = self.entries(pl_module)

        def after_step(*_: Any) -> None:
            self._hold(entries)

        self._hook = trainer.optimizers[0].register_step_post_hook(after_step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._hook.remove()

    @torch.no_grad()
    def _hold(self, entries: list[Held]) -> None:
        for each in entries:
            each.hold()

    def entries(self, module: BlockModule) -> list[Held]:
        """The matrices of the block, tied ones once, with what is fixed in each."""
        tree, axes = module.block.tree, module.block.seed_axes
        if hasattr(tree, "constrain"):
            raise ValueError(
                f"model: {type(tree).__name__} retracts its parameters after each step"
            )
        generator = torch.Generator().manual_seed(self.seed)
        found = []
        for name, parameter in tree.named_parameters():
            shape = parameter.shape[axes:]
            if is_matrix(name, len(shape)):
                fan = self.fans.get(name, self.fans.get(name.rpartition(".")[2], -1))
                fixed, at = self._drawn(name, shape, fan, generator)
                values = parameter.detach()
                found.append(Held(values, fan, fixed.to(values.device), at.to(values)))
        return found

    def _drawn(
        self, name: str, shape: torch.Size, fan: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        if self.fixed >= shape[fan]:
            most = shape[fan] - 1
            raise ValueError(f"fixed: wanted at most {most} for {name}, got {self.fixed}")
        order = torch.rand(shape, generator=generator, dtype=torch.float64).argsort(fan)
        at = torch.randn(shape, generator=generator, dtype=torch.float64) * self.size
        return order.argsort(fan) < self.fixed, at
