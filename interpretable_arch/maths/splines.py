"""Cubic B-splines on a uniform grid, dense: all basis functions of every entry, for one matmul.

    B_m(x) = ((2 - u)_+^3 - 4 (1 - u)_+^3) / 6,    u = |t - (m - 1)|

with t = (x - low) grid / (high - low), for m = 0 .. grid + 2 (de Boor 1978, in closed form since
steps are equal). They sum to 1. Off the grid "extend" goes on along the tangent at the border, so
that no spline vanishes there and straight lines stay straight; "clamp" keeps the border's value.
`edge_features` adds silu(x), the residual of a KAN's edges (Liu et al. 2024, arXiv 2404.19756). On
each interval four functions differ from 0: `LocalFeatures` writes only these, and runs outside
vmap.
"""

from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

Outside = Literal["extend", "clamp"]
Ends = Float[Tensor, "*axes 2"]  # (low, high); leading axes broadcast against x


def basis_size(grid: int) -> int:
    """How many cubic B-splines `grid` intervals carry."""
    return grid + 3


def off_grid(x: Float[Tensor, "*index"], ends: Ends) -> Bool[Tensor, "*index"]:
    """Where an entry has left its grid."""
    return (x < ends[..., 0]) | (x > ends[..., 1])


def spline_basis(
    x: Float[Tensor, "*index"], ends: Ends, grid: int, outside: Outside = "extend"
) -> Float[Tensor, "*index basis"]:
    """B_m(x) for m = 0 .. grid + 2, written out over every m."""
    t = _steps(x, ends, grid)
    held = t.clamp(0, grid)
    centres = torch.arange(-1, grid + 2, dtype=x.dtype, device=x.device)
    far = (2 - (held[..., None] - centres).abs()).relu()
    basis = (far**3 - 4 * (far - 1).relu() ** 3) / 6
    if outside == "clamp":
        return basis
    # At a border only the first and the third function from it have a slope, -1/2 and 1/2.
    slope = torch.zeros_like(centres)
    slope[0], slope[2] = 0.5, -0.5
    return basis + (-t).relu()[..., None] * slope + (t - grid).relu()[..., None] * slope.flip(0)


def straight(ends: Ends, grid: int) -> Float[Tensor, "*axes basis"]:
    """The coefficients of the function x itself, at every x under "extend"."""
    steps = torch.arange(-1, grid + 2, dtype=ends.dtype, device=ends.device) / grid
    return ends[..., :1] + (ends[..., 1:] - ends[..., :1]) * steps


def edge_features(
    x: Float[Tensor, "*index"], ends: Ends, grid: int, outside: Outside = "extend"
) -> Float[Tensor, "*index feature"]:
    """The basis and, last, silu(x): what an edge of a KAN is linear in."""
    return torch.cat([spline_basis(x, ends, grid, outside), F.silu(x)[..., None]], -1)


class LocalFeatures(torch.autograd.Function):
    """`edge_features` through the four functions that differ from 0; `apply` as that is called."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ends: Tensor, grid: int, outside: Outside) -> Tensor:
        t = _steps(x, ends, grid)
        ctx.save_for_backward(x, t, grid / (ends[..., 1] - ends[..., 0]))
        ctx.grid, ctx.outside = grid, outside
        first, part, beyond = _interval(t, grid)
        values = _pieces(part)
        if outside == "extend":
            values = [v + beyond * s for v, s in zip(values, _slopes(part), strict=True)]
        features = x.new_zeros(*x.shape, basis_size(grid) + 1)
        features.scatter_(-1, _four(first), torch.stack(values, -1))
        features[..., -1] = F.silu(x)
        return features

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (above,) = gradients
        x, t, per_unit = ctx.saved_tensors
        first, part, beyond = _interval(t, ctx.grid)
        local = above.gather(-1, _four(first)).unbind(-1)
        along = sum(a * s for a, s in zip(local, _slopes(part), strict=True)) * per_unit
        if ctx.outside == "clamp":
            along = along * (beyond == 0)
        gate = x.sigmoid()
        return along + above[..., -1] * gate * (1 + x * (1 - gate)), None, None, None


def _steps(x: Tensor, ends: Ends, grid: int) -> Tensor:
    return (x - ends[..., 0]) * (grid / (ends[..., 1] - ends[..., 0]))


def _interval(t: Tensor, grid: int) -> tuple[Tensor, Tensor, Tensor]:
    """The interval's number, where in it (from 0 to 1), and how many steps beyond the grid."""
    held = t.clamp(0, grid)
    # A diverged seed has no interval; its numbers stay NaN, but its index must be one.
    first = held.floor().clamp_(max=grid - 1)
    return first.nan_to_num(0.0).long(), held - first, t - held


def _four(first: Tensor) -> Tensor:
    return first[..., None] + torch.arange(4, device=first.device)


def _pieces(f: Tensor) -> list[Tensor]:
    """The four cubic pieces on one interval, f from 0 to 1."""
    g, square, cube = 1 - f, f * f, f * f * f
    last = cube / 6
    second = (2 / 3) - square + cube / 2
    return [g * g * g / 6, second, 1 - g * g * g / 6 - second - last, last]


def _slopes(f: Tensor) -> list[Tensor]:
    """The derivatives of `_pieces` by f."""
    g = 1 - f
    second = f * (1.5 * f - 2)
    return [-g * g / 2, second, g * g / 2 - second - f * f / 2, f * f / 2]


def regridded(
    C: Float[Tensor, "*axes basis out"],
    old: Float[Tensor, "*axes 2"],
    new: Float[Tensor, "*axes 2"],
    outside: Outside = "extend",
) -> Float[Tensor, "*axes basis out"]:
    """Coefficients on the grid `new` of the functions that C has on `old`.

    Least squares over 8 points an interval: exact where the functions are one cubic, else close.
    """
    grid = C.shape[-2] - 3
    share = torch.linspace(0, 1, 8 * grid + 1, dtype=C.dtype, device=C.device)
    points = new[..., :1] + (new[..., 1:] - new[..., :1]) * share
    wanted = spline_basis(points, old[..., None, :], grid, outside) @ C
    return torch.linalg.lstsq(spline_basis(points, new[..., None, :], grid), wanted).solution
