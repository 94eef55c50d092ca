"""A block of seeds that is trained together: what a model and a stack of models have in common."""

from abc import abstractmethod
from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from training.constraint import constrain
from training.objective import Loss, Measure, Objective, counting
from training.optimizers import clip_by_seed


class Block(nn.Module):
    """Parameters of one or more seeds; every result has a leading seed axis.

    `tree` holds the parameters, with `seed_axes` (0 or 1) leading axes of length `seeds`. `loss` is
    what to train on where the model has none of its own; None: the cross-entropy.
    """

    seed_axes: int

    def __init__(self, tree: nn.Module, seeds: int, loss: Loss | None = None) -> None:
        super().__init__()
        self.tree, self.seeds = tree, seeds
        # In tuples, so that nothing lists the tree's parameters a second time.
        self._wrapped = (Objective(tree, loss), Measure(tree))
        self._counted: Tensor | None = None
        self._leaves = tuple(tree.parameters())

    @abstractmethod
    def run(self, module: nn.Module, inputs: Tensor, targets: Tensor, by_seed: bool) -> Tensor:
        """`module(inputs, targets)` for every seed: [seed, *result]."""

    @abstractmethod
    def seed_state(self, index: int) -> dict[str, Tensor]:
        """Copies of one seed's parameters and saved buffers, tied ones once, by a model's names."""

    def losses(
        self, inputs: Shaped[Tensor, "..."], targets: Shaped[Tensor, "..."], by_seed: bool
    ) -> Float[Tensor, " seed"]:
        """Training loss of each seed. `by_seed`: the data have a leading seed axis; else shared."""
        results = self.run(self._wrapped[0], inputs, targets, by_seed)
        self._counted = results[:, 1:].detach()
        return results[:, 0]

    def measures(
        self, inputs: Shaped[Tensor, "..."], targets: Shaped[Tensor, "..."]
    ) -> Float[Tensor, "seed 2"]:
        """Loss and accuracy of each seed on the same data."""
        return self.run(self._wrapped[1], inputs, targets, by_seed=False)

    def clip(self, max_norm: float) -> None:
        """Limit each seed's joint gradient norm."""
        found = [p.grad for p in self._leaves if p.grad is not None]
        clip_by_seed([g if self.seed_axes else g.unsqueeze(0) for g in found], max_norm)

    def constrain(self) -> None:
        """Apply the model's own retraction, where it has one."""
        constrain(self.tree, self.seed_axes)

    @torch.no_grad()
    def settle(self) -> None:
        """Let layers move their buffers on what they counted in the latest step's forward."""
        if self._counted is None or not self._counted.shape[1]:
            return
        layout = self._wrapped[0].layout
        pieces = self._counted.split([size for _, _, size in layout], dim=1)
        for layer in counting(self.tree):
            mine = {
                name: piece if self.seed_axes else piece[0]
                for (owner, name, _), piece in zip(layout, pieces, strict=True)
                if owner is layer
            }
            buffers = dict(layer.named_buffers(recurse=False))
            for name, value in layer.settle(buffers, mine).items():
                buffers[name].copy_(value)

    def is_finite(self) -> Bool[Tensor, " seed"]:
        """Whether all parameters of a seed are finite."""
        if not self._leaves:
            return torch.ones(self.seeds, dtype=torch.bool)
        rows = [p.detach().isfinite().reshape(self.seeds, -1) for p in self._leaves]
        return torch.stack([row.all(dim=1) for row in rows]).all(dim=0)


class OneSeed(Block):
    """One model, called as it is."""

    seed_axes = 0

    def __init__(self, model: nn.Module, loss: Loss | None = None) -> None:
        super().__init__(model, seeds=1, loss=loss)

    def run(self, module: nn.Module, inputs: Tensor, targets: Tensor, by_seed: bool) -> Tensor:
        data = (inputs[0], targets[0]) if by_seed else (inputs, targets)
        return module(*data).unsqueeze(0)

    def seed_state(self, index: int) -> dict[str, Tensor]:
        assert index == 0, index
        return {name: tensor.clone() for name, tensor in untied_state(self.tree).items()}


def untied_state(tree: nn.Module) -> dict[str, Tensor]:
    """The state dict, each tensor under the first of its names only; no copies."""
    saved = tree.state_dict(keep_vars=True)
    first = {id(tensor): name for name, tensor in reversed(saved.items())}
    return {name: t.detach() for name, t in saved.items() if first[id(t)] == name}


@torch.no_grad()
def set_seed_values(block: Block, index: int, values: Mapping[str, Tensor]) -> None:
    """Give one seed of the block these values, by a model's names; the others stay."""
    held = dict((*block.tree.named_parameters(), *block.tree.named_buffers()))
    for name, value in values.items():
        (held[name][index] if block.seed_axes else held[name]).copy_(value)
