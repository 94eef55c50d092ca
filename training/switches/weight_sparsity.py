"""Weight sparsity as a callback over any model (Gao et al. 2025, arXiv 2511.13653).

After each update, of every matrix only the weights of largest absolute value stay, and of every
neuron at least `least`; all others become exactly 0. The share that stays falls linearly from 1
after `start` updates to `density` after `stop`. A parameter with two or more axes is one matrix,
all heads or experts together; biases, by heads too, and gains stay dense. Moments of the optimiser
are not cut, so that a weight can come back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from interpretable_arch.maths.sparsity import density_at, is_matrix, kept_weights
from training.module import BlockModule

# The axis along which one neuron's weights lie. A hidden unit's, head channel's, token's or
# position's are those to and from the stream; torch's own layers keep one row per output.
FANS: Mapping[str, int] = {
    "W_in": -2,
    "W_out": -1,
    "W_Q": -3,
    "W_K": -3,
    "W_V": -3,
    "W_O": -1,
    "W_r": -2,
    "W_E": -1,
    "W_pos": -1,
    "W_U": -2,
    "E_a": -2,
    "E_b": -2,
    "C": -1,
    "weight": -1,
}


@dataclass(frozen=True)
class Matrix:
    """A parameter to cut, with the axis (from the end) along which a neuron's weights lie."""

    name: str
    values: Tensor
    fan: int

    def cut(self, density: float, least: int, seed_axes: int) -> None:
        """Set all but the largest weights to zero, in place, each seed by itself."""
        count = round(density * self.values.shape[seed_axes:].numel())
        kept = kept_weights(self.values, count, least, self.fan, seed_axes)
        self.values.mul_(kept)


class WeightSparsity(Callback):
    """`fans` adds to or overrules `FANS`, by a parameter's full name or its last part.

    Raises ValueError for a density outside (0, 1], steps out of order, and, once training starts,
    for a matrix whose neurons are not known while `least` asks for them, for `least` above what a
    neuron has, and for a model that retracts its own parameters, which would undo the zeros.
    """

    def __init__(
        self,
        density: float,
        start: int,
        stop: int,
        least: int = 0,
        fans: Mapping[str, int] | None = None,
    ) -> None:
        if not 0 < density <= 1:
            raise ValueError(f"density: wanted above 0 and at most 1, got {density}")
        if not 0 <= start < stop:
            raise ValueError(f"start, stop: wanted 0 <= start < stop, got {start} and {stop}")
        if least < 0:
            raise ValueError(f"least: wanted 0 or more, got {least}")
        self.density, self.start, self.stop, self.least = density, start, stop, least
        self.fans = {**FANS, **(fans or {})}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Cut within the optimiser's step: before anything is measured or saved."""
        assert isinstance(pl_module, BlockModule)
        found = self.matrices(pl_module)
        axes = pl_module.block.seed_axes

        def after_step(*_: Any) -> None:
            self.cut(found, trainer.global_step + 1, axes)

        self._hook = trainer.optimizers[0].register_step_post_hook(after_step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._hook.remove()

    @torch.no_grad()
    def cut(self, matrices: list[Matrix], step: int, seed_axes: int) -> None:
        """Cut every matrix to the density that holds after `step` updates."""
        density = density_at(step, self.start, self.stop, self.density)
        if density < 1:
            for matrix in matrices:
                matrix.cut(density, self.least, seed_axes)

    def matrices(self, module: BlockModule) -> list[Matrix]:
        """Every matrix of the model, tied ones once."""
        tree, axes = module.block.tree, module.block.seed_axes
        if hasattr(tree, "constrain"):
            kind = type(tree).__name__
            raise ValueError(f"model: {kind} retracts its parameters, which would undo the zeros")
        named = tree.named_parameters()
        found = [(n, p.detach()) for n, p in named if is_matrix(n, p.dim() - axes)]
        return [self._matrix(name, values, axes) for name, values in found]

    def _matrix(self, name: str, values: Float[Tensor, "..."], axes: int) -> Matrix:
        fan = self.fans.get(name, self.fans.get(name.rpartition(".")[2]))
        if fan is None and self.least:
            wanted = "the axis, from the end, along which a neuron's weights lie"
            raise ValueError(f"fans: wanted {wanted} for {name}, got none")
        fan = -1 if fan is None else fan
        if not -(values.dim() - axes) <= fan <= -1:
            raise ValueError(f"fans.{name}: wanted {axes - values.dim()} to -1, got {fan}")
        if self.least > values.shape[fan]:
            most = values.shape[fan]
            raise ValueError(
                f"least: wanted at most {most}, the weights of a neuron of {name}, got {self.least}"
            )
        return Matrix(name, values, fan)
