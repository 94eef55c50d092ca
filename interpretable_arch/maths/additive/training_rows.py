"""Rows to fit an additive model to: what is wrong with them is said before anything is computed."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F


def joined(
    batches: Sequence[tuple[Tensor, Tensor]],
) -> tuple[Shaped[Tensor, "row feature"], Shaped[Tensor, "*target"]]:
    """All rows and all targets; classes of any whole-number type as int64.

    Raises ValueError for no batch, rows that are no table, and targets of another count or shape.
    """
    if not batches:
        raise ValueError("rows: wanted at least one batch, got none")
    for x, y in batches:
        if x.dim() != 2:
            raise ValueError(f"rows: wanted [row, feature], got {list(x.shape)}")
        if y.shape[:1] != x.shape[:1]:
            got = list(y.shape)
            raise ValueError(f"targets: wanted one for each of {len(x)} rows, got shape {got}")
        if not y.is_floating_point() and y.dim() != 1:
            raise ValueError(f"targets: wanted classes [row], got {list(y.shape)}")
    targets = torch.cat([y for _, y in batches])
    x = torch.cat([x for x, _ in batches])
    return x, targets if targets.is_floating_point() else targets.long()


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
