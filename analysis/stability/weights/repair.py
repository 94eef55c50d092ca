"""Averaged weights with the statistics of their hidden units repaired: REPAIR.

Halfway between two networks a hidden unit varies less than in either. REPAIR (Jordan et al. 2023,
arXiv:2211.08403) sets each unit's mean and standard deviation over inputs to what lies in between
the ends', by an affine map that folds into the weights the unit reads with:

    mean* = (1-t) mean_0 + t mean_1,   std* = (1-t) std_0 + t std_1
    W_in <- s W_in,   b_in <- s (b_in - mean) + mean*,   s = std*/std

The places are the linear units of every `layers.perceptron`, first to last, each after those before
it are repaired. A layer without a bias has no place for the mean: there the standard deviation
alone is set ("rescale" of the paper's section 3). A model without such a layer offers no place.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.hooks import record
from interpretable_arch.layers.perceptron import Perceptron
from interpretable_arch.symmetry import Parameters

Repaired = Callable[[Parameters, float], dict[str, Tensor]]
Repair = Callable[[Parameters, Parameters], Repaired]


def places(model: nn.Module) -> tuple[str, ...]:
    """Names of the layers whose hidden units are linear before their activation, in order."""
    return tuple(name for name, m in model.named_modules() if isinstance(m, Perceptron))


def repairing(model: nn.Module, inputs: Tensor) -> Repair | None:
    """The function (start, end) -> (middle, t) -> middle with the statistics on `inputs` repaired.

    `start` and `end` are the weights of which middle is the mixture (1-t, t), aligned. None where
    the model has no place. Two runs of the model for the ends, then one a layer for each middle.
    """
    model, layers = deepcopy(model).eval(), places(model)
    if not layers:
        return None

    def of_ends(start: Parameters, end: Parameters) -> Repaired:
        ends = [_statistics(model, values, inputs, layers) for values in (start, end)]

        def repaired(middle: Parameters, share: float) -> dict[str, Tensor]:
            values = dict(middle)
            for layer in layers:
                wanted = [
                    torch.lerp(a, b, share) for a, b in zip(*(e[layer] for e in ends), strict=True)
                ]
                found = _statistics(model, values, inputs, (layer,))[layer]
                values |= _moved(values, f"{layer}." if layer else "", found, wanted)
            return values

        return repaired

    return of_ends


def _moved(
    values: Parameters, prefix: str, found: Sequence[Tensor], wanted: Sequence[Tensor]
) -> dict[str, Tensor]:
    """What the hidden units read with, so that mean and spread `found` become those `wanted`."""
    (mean, spread), (centre, width) = found, wanted
    scale = torch.where(spread > 0, width / spread, 1.0)
    moved = {f"{prefix}W_in": values[f"{prefix}W_in"] * scale}
    bias = values.get(f"{prefix}b_in")
    return moved if bias is None else {**moved, f"{prefix}b_in": scale * (bias - mean) + centre}


def _statistics(
    model: nn.Module, values: Parameters, inputs: Tensor, layers: tuple[str, ...]
) -> dict[str, tuple[Float[Tensor, "unit"], Float[Tensor, "unit"]]]:
    """Mean and standard deviation of what each hidden unit receives."""
    model.load_state_dict(dict(values))
    hooks = [f"{layer}.hook_pre" if layer else "hook_pre" for layer in layers]
    with torch.no_grad():
        _, cache = record(model, inputs, hooks)
    rows = [cache[hook].flatten(0, -2) for hook in hooks]
    return {
        layer: (seen.mean(0), seen.std(0, correction=0))
        for layer, seen in zip(layers, rows, strict=True)
    }
