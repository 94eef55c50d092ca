"""Which unit goes to which, where each unit has an inside that may be turned: heads of attention.

    cost(i, j) = min over g of ||g x_i - y_j||^2 = ||x_i||^2 + ||y_j||^2 - 2 max_g <g x_i, y_j>

over the isometries g of the inner group: a nuclear norm where these are all rotations, a sum of
moduli where they are a phase a coordinate. With all units' costs the best assignment is exact.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.symmetries.groups import (
    ComplexScale,
    GeneralLinear,
    Orthogonal,
    Permutation,
)
from interpretable_arch.symmetry import Action, Factor, Parameters

MOST_UNITS = 32  # n^2 singular value decompositions


@dataclass(frozen=True)
class Nest:
    """A permutation of units and the groups that act inside each unit, on disjoint tensors."""

    inner: tuple[Factor, ...]


def nest(factor: Factor, later: tuple[Factor, ...], parameters: Parameters) -> Nest | None:
    """The inner groups of a permuted unit; None unless their tensors are disjoint and all of them
    are turned by a group whose best isometry is known."""
    if (
        not isinstance(factor.group, Permutation)
        or factor.group.n > MOST_UNITS
        or factor.copies > 1
    ):
        return None
    axes = {a.parameter: a.axis % parameters[a.parameter].dim() for a in factor.actions}
    inner = [f for f in later if _inside(f, axes, parameters)]
    names = [a.parameter for f in inner for a in f.actions]
    known = all(type(f.group) in (GeneralLinear, Orthogonal, ComplexScale) for f in inner)
    if not inner or not known or len(set(names)) < len(names) or set(names) != set(axes):
        return None
    return Nest(tuple(inner))


def assign(
    factor: Factor, found: Nest, parameters: Parameters, reference: Parameters
) -> Float[Tensor, "1 unit"] | Tensor:
    """The permutation [1, unit] of least cost once each unit's inside is turned."""
    from scipy.optimize import linear_sum_assignment

    pairs = [_views(f.actions, parameters, reference) for f in found.inner]
    # Sizes do not depend on who goes where, so overlaps are enough.
    overlap = sum(_overlaps(f, x, y) for f, (x, y) in zip(found.inner, pairs, strict=True))
    assert isinstance(overlap, Tensor)
    _, columns = linear_sum_assignment(overlap.T.cpu().numpy(), maximize=True)
    return torch.as_tensor(columns)[None]


def _inside(factor: Factor, axes: dict[str, int], parameters: Parameters) -> bool:
    return all(
        a.parameter in axes
        and a.copies_axis is not None
        and a.copies_axis % parameters[a.parameter].dim() == axes[a.parameter]
        for a in factor.actions
    )


def _views(
    actions: tuple[Action, ...], parameters: Parameters, reference: Parameters
) -> tuple[Tensor, Tensor]:
    both = [[a.view(values[a.parameter]) for a in actions] for values in (parameters, reference)]
    return torch.cat(both[0], -1), torch.cat(both[1], -1)


def _overlaps(
    factor: Factor, x: Float[Tensor, "unit n rest"], y: Float[Tensor, "unit n rest"]
) -> Float[Tensor, "unit other"]:
    """max_g <g x_i, y_j>, row i column j."""
    if isinstance(factor.group, ComplexScale):
        first, second = (torch.complex(v[:, 0::2], v[:, 1::2]) for v in (x, y))
        return torch.einsum("inr,jnr->ijn", first.conj(), second).abs().sum(-1)
    return torch.linalg.svdvals(torch.einsum("inr,jmr->ijnm", x, y)).sum(-1)
