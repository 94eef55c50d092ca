"""How far the distances d of an embedding are from those that were given, D."""

import torch
from jaxtyping import Float
from torch import Tensor


def pairs(count: int) -> tuple[Tensor, Tensor]:
    """The indices i < j of all pairs of points."""
    i, j = torch.triu_indices(count, count, 1)
    return i, j


def relative_errors(
    found: Float[Tensor, "*copy n n"],
    wanted: Float[Tensor, "n n"],
    beside: Float[Tensor, "n n"] | None = None,
) -> Float[Tensor, "*copy pair"]:
    """(d - D) / D of each pair, or (d - D) / `beside`."""
    i, j = pairs(len(wanted))
    return (found[..., i, j] - wanted[i, j]) / (wanted if beside is None else beside)[i, j]


def distortion(found: Float[Tensor, "n n"], wanted: Float[Tensor, "n n"]) -> float:
    """Mean of |d - D| / D over pairs."""
    return float(relative_errors(found, wanted).abs().mean())


def relative_square(found: Float[Tensor, "n n"], wanted: Float[Tensor, "n n"]) -> float:
    """Mean of ((d - D) / D)^2 over pairs."""
    return float(relative_errors(found, wanted).square().mean())


def stress(found: Float[Tensor, "n n"], wanted: Float[Tensor, "n n"]) -> float:
    """Kruskal's: sqrt(sum (d - D)^2 / sum D^2)."""
    return float((found - wanted).norm() / wanted.norm())
