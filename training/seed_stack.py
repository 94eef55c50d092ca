"""K seeds of one architecture trained as one set of parameters: [seed, *shape] under vmap.

Parameters of seed k are slice k of every stacked tensor. The sum of the K losses has, in slice k,
exactly the gradient of loss k, so one backward pass serves all seeds.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from interpretable_arch.layers.written_out import write_out
from training.block import Block, untied_state
from training.objective import Loss


class SeedStack(Block):
    """A copy of the models' module tree whose parameters and buffers carry a leading seed axis.

    `tree.state_dict()` therefore has one model's names. Buffers outside the state dict that are
    equal in all models are constants of the architecture and stay shared. Raises ValueError if
    there are no models, or not all of the same shape.
    """

    seed_axes = 1

    def __init__(self, models: Sequence[nn.Module], loss: Loss | None = None) -> None:
        _check_alike(models)
        tree = copy.deepcopy(models[0])
        write_out(tree, True)  # scaled_dot_product_attention is slow under vmap
        _stack_parameters(tree, models)
        shared = _stack_buffers(tree, models)
        super().__init__(tree, seeds=len(models), loss=loss)
        names = [name for name, _ in (*tree.named_parameters(), *tree.named_buffers())]
        self._axes = {f"model.{name}": None if name in shared else 0 for name in names}

    def run(self, module: nn.Module, inputs: Tensor, targets: Tensor, by_seed: bool) -> Tensor:
        named = (*self.tree.named_parameters(), *self.tree.named_buffers())
        state = {f"model.{name}": tensor for name, tensor in named}

        def one_seed(state: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
            return functional_call(module, state, (inputs, targets))

        data = 0 if by_seed else None
        every_seed = vmap(one_seed, in_dims=(self._axes, data, data), randomness="different")
        return every_seed(state, inputs, targets)

    def seed_state(self, index: int) -> dict[str, Tensor]:
        return {name: t[index].clone() for name, t in untied_state(self.tree).items()}


def _check_alike(models: Sequence[nn.Module]) -> None:
    if not models:
        raise ValueError("models: wanted at least one model to stack, got none")
    shapes = [{name: p.shape for name, p in model.named_parameters()} for model in models]
    for index, other in enumerate(shapes):
        if other != shapes[0]:
            raise ValueError(
                f"models: wanted the parameter shapes of the first, {shapes[0]}; "
                f"model {index} has {other}"
            )


def _stack_parameters(tree: nn.Module, models: Sequence[nn.Module]) -> None:
    sources = [dict(model.named_parameters()) for model in models]
    for name, parameter in list(tree.named_parameters()):
        stacked = torch.stack([source[name].detach() for source in sources])
        _replace(tree, parameter, nn.Parameter(stacked, parameter.requires_grad))


def _stack_buffers(tree: nn.Module, models: Sequence[nn.Module]) -> frozenset[str]:
    """Stack the buffers; returns the names of those that stay shared."""
    saved = tree.state_dict().keys()
    sources = [dict(model.named_buffers()) for model in models]
    shared = set()
    for name, buffer in list(tree.named_buffers()):
        copies = [source[name] for source in sources]
        if name not in saved and all(torch.equal(copies[0], other) for other in copies[1:]):
            shared.add(name)
        else:
            _replace(tree, buffer, torch.stack(copies))
    return frozenset(shared)


def _replace(tree: nn.Module, old: Tensor, new: Tensor) -> None:
    """Put `new` wherever the tree holds `old`, so that tied tensors stay tied."""
    for module in tree.modules():
        held = {**module._parameters, **module._buffers}
        for name in [name for name, tensor in held.items() if tensor is old]:
            setattr(module, name, new)
