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

    `targets` of floats say that outputs are values of their scale; they may be of other inputs.
    Raises ValueError for targets that have no scale: one row, all rows alike, or not finite.
    """
    if targets is None or not targets.is_floating_point():
        return outputs.flatten(0, -2)
    if len(targets) < 2 or not bool(targets.isfinite().all()):
        got = f"{len(targets)} of {int(targets.isfinite().sum())} finite numbers"
        raise ValueError(f"targets: wanted two rows or more of finite values, got {got}")
    if bool((targets == targets[0]).all()):
        raise ValueError(f"targets: wanted values that vary, got {len(targets)} rows all alike")
    spread = targets.std(0)
    # A column that is constant but for rounding has no spread of its own.
    logits = (outputs - targets.mean(0)) / spread.clamp_min(1e-6 * spread.max())
    return torch.stack([logits, torch.zeros_like(logits)], -1).flatten(0, -2)


def said_of_values(outputs: Float[Tensor, "*input output"]) -> str:
    """What stands for an input where values were made choices, in words."""
    each = outputs.shape[-1]
    inputs = outputs.numel() // max(each, 1)
    counted = (
        f"what counts as {inputs * each} inputs is {inputs} inputs x {each} values"
        if each > 1
        else ""
    )
    said = "values are compared as choices, above or below the targets' mean, in their spread"
    return f"{said}; {counted}" if counted else said
