"""Outputs of any task as logits, so that one set of measures serves all.

A value becomes the logit of a two-way choice, in the spread of the targets: values have a distance
in [0, sqrt ln 2] then too, and a disagreement: above or below the targets' mean.
"""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor


def as_choices(
    outputs: Float[Tensor, "*input output"], targets: Shaped[Tensor, "*answer"] | None
) -> Float[Tensor, "row choice"]:
    """Logits with their input axes made one; values as [input x column, 2] logits.

    `targets` of floats say that outputs are values of their scale.
    """
    if targets is None or not targets.is_floating_point():
        return outputs.flatten(0, -2)
    spread = targets.std(0)
    # A column that is constant but for rounding has no spread of its own.
    logits = (outputs - targets.mean(0)) / spread.clamp_min(1e-6 * spread.max())
    return torch.stack([logits, torch.zeros_like(logits)], -1).flatten(0, -2)
