"""Piecewise-linear functions of one feature: hats on its own knots, which are its quantiles.

    ramp_k(x) = ((x - t_k) / (t_{k+1} - t_k)) held to [0, 1],   h_m = ramp_{m-1} - ramp_m

with ramp_{-1} = 1 and ramp_{last} = 0. The hats sum to 1, h_m is 1 at knot m and 0 at all others,
so that sum_m v_m h_m has the value v_m at knot m, is straight in between and keeps its border
values beyond. Since ramp_k = ((|x - t_k| - |x - t_{k+1}|) / (t_{k+1} - t_k) + 1) / 2, such a
function has a short formula in absolute values.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.constant_columns import constant

NARROWEST = 1e-6  # of a feature's range: closer knots would be one


def ramps(
    x: Float[Tensor, "*index feature"], knots: Float[Tensor, "feature knot"]
) -> Float[Tensor, "*index feature interval"]:
    """How much of each interval lies below x, from 0 to 1."""
    widths = knots[:, 1:] - knots[:, :-1]
    return ((x[..., None] - knots[:, :-1]) / widths).clamp(0, 1)


def hats(
    x: Float[Tensor, "*index feature"], knots: Float[Tensor, "feature knot"]
) -> Float[Tensor, "*index feature knot"]:
    """h_m(x) of each feature; they sum to 1."""
    below = ramps(x, knots)
    end = torch.ones_like(below[..., :1])
    edges = torch.cat([end, below, torch.zeros_like(end)], -1)
    return edges[..., :-1] - edges[..., 1:]


def quantile_knots(x: Float[Tensor, "row feature"], count: int) -> Float[Tensor, "feature knot"]:
    """`count` >= 2 knots for each feature, ascending: quantiles, from the least value to the
    largest.

    Where a feature has fewer distinct quantiles the widest intervals are halved until there are
    enough, so that no hat is idle. A constant feature has evenly spaced knots about its value.
    """
    shares = torch.linspace(0, 1, count, dtype=x.dtype, device=x.device)
    found = torch.quantile(x, shares, dim=0, interpolation="nearest").T
    flat = constant(x).tolist()
    return torch.stack(
        [_even(v[0], count) if flat[i] else _filled(v, count) for i, v in enumerate(found)]
    )


def _even(value: Float[Tensor, ""], count: int) -> Float[Tensor, " knot"]:
    reach = value.abs().clamp_min(1.0)
    return value + reach * torch.linspace(-0.5, 0.5, count, dtype=value.dtype, device=value.device)


def _filled(values: Float[Tensor, " quantile"], count: int) -> Float[Tensor, " knot"]:
    least = NARROWEST * (values[-1] - values[0])
    kept = [float(values[0])]
    for v in values[1:-1].tolist():
        if v - kept[-1] > least and float(values[-1]) - v > least:
            kept.append(v)
    kept.append(float(values[-1]))
    while len(kept) < count:
        widths = [b - a for a, b in pairwise(kept)]
        i = widths.index(max(widths))
        kept.insert(i + 1, (kept[i] + kept[i + 1]) / 2)
    return torch.tensor(kept, dtype=values.dtype, device=values.device)
