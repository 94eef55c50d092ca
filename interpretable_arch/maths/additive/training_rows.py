"""Rows to fit an additive model to: what is wrong with them is said before anything is computed."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F


def wanted_outputs(
    x: Shaped[Tensor, "*row_feature"],
    targets: Shaped[Tensor, "*target"],
    features: int,
    outputs: int,
    least: int,
) -> Float[Tensor, "row output"]:
    """The values, or the classes as ones among zeros, in float64.

    Raises ValueError for rows of another width or fewer than `least`, for an entry that is not
    finite, naming the first, for values of another shape and for a class outside the outputs.
    """
    if x.dim() != 2 or x.shape[1] != features:
        raise ValueError(f"rows: wanted [row, {features}], got {list(x.shape)}")
    wrong = (~x.isfinite()).nonzero()
    if len(wrong):
        row, feature = wrong[0].tolist()
        got = f"{float(x[row, feature])} in row {row}, feature {feature}"
        raise ValueError(f"rows: wanted finite numbers, got {got}")
    if len(x) < least:
        raise ValueError(f"rows: wanted at least folds = {least}, got {len(x)}")
    if targets.is_floating_point():
        check_values(targets, outputs)
        return targets.double()
    outside = targets[(targets < 0) | (targets >= outputs)]
    if len(outside):
        wanted = f"classes from 0 to {outputs - 1}"
        raise ValueError(f"targets: wanted {wanted}, got {int(outside[0])}")
    return F.one_hot(targets, outputs).double()


def check_values(targets: Shaped[Tensor, "*target"], outputs: int) -> None:
    """ValueError unless there is a finite value for each row and output."""
    if targets.dim() != 2 or targets.shape[1] != outputs:
        raise ValueError(f"targets: wanted values [row, {outputs}], got {list(targets.shape)}")
    if not bool(torch.isfinite(targets).all()):
        raise ValueError("targets: wanted finite numbers, got some that are not")
