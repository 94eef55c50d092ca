"""Which irreducibles do a model's logits on a group's table use, whatever its architecture?

A model that composes by a representation has logits z(c | a, b) that depend on g = a b c^-1 alone.
Logits are centred over c (the softmax does not see the mean), F(g) is their average over all (a, b,
c) with a b c^-1 = g, and

    explained = sum over (a, b, c) of F(a b c^-1)^2 / sum over (a, b, c) of z(c | a, b)^2.

F splits into isotypic parts F_rho = (d_rho / |G|) sum over h of conj chi_rho(h) F(h^-1 .); the
share of rho is ||F_rho||^2 / ||F||^2.  The label is the set of irreducibles with a share of at
least SHARE, or "none" where explained is below EXPLAINED.

Source: B. Chughtai, L. Chan, N. Nanda, A toy model of universality (2023), arXiv 2302.03025.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import FiniteGroup

SHARE = 0.05
EXPLAINED = 0.5


@dataclass(frozen=True)
class LogitReading:
    """Shares in [0, 1] of each irreducible's power in F, adding to 1 (all 0 where F is 0)."""

    group: str
    label: str
    explained: float
    names: tuple[str, ...]
    shares: tuple[float, ...]
    share_threshold: float = SHARE
    explained_threshold: float = EXPLAINED

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain = asdict(self)
        return plain | {"names": list(self.names), "shares": list(self.shares)}


def read_logits(logits: Float[Tensor, "*order"], group: FiniteGroup) -> LogitReading:
    """Read logits [order, order, order] = [a, b, c] of a·b being c, in table order.

    Raises ValueError for another shape or entries that are not finite.
    """
    z = _centred(logits, group)
    F = average_by_quotient(z, group)
    total = float(z.square().sum())
    explained = float(group.order**2 * F.square().sum()) / total if total > 0 else 0.0
    shares = isotypic_shares(F, group)
    table = character_table(group)
    used = [n for n, s in zip(table.names, shares.tolist(), strict=True) if s >= SHARE]
    label = " + ".join(used) if explained >= EXPLAINED and used else "none"
    return LogitReading(group.name, label, explained, table.names, tuple(shares.tolist()))


def average_by_quotient(
    logits: Float[Tensor, "order order order"], group: FiniteGroup
) -> Float[Tensor, "order"]:
    """F(g) = mean of the logits [a, b, c] over all triples with a b c^-1 = g."""
    by_product = torch.zeros(group.order, group.order, dtype=logits.dtype)
    by_product.index_add_(0, group.table.flatten(), logits.reshape(-1, group.order))
    quotient = group.table[:, group.inverse].flatten()  # [ab, c] = a b c^-1
    sums = torch.zeros(group.order, dtype=logits.dtype)
    sums.index_add_(0, quotient, by_product.flatten())
    return sums / group.order**2


def isotypic_shares(F: Float[Tensor, "order"], group: FiniteGroup) -> Float[Tensor, "irreducible"]:
    """||F_rho||^2 / ||F||^2 for each irreducible, in the order of the character table."""
    table = character_table(group)
    shifted = F.to(torch.complex128)[group.table[group.inverse]]  # [h, g] = F(h^-1 g)
    parts = torch.einsum("rh,hg->rg", table.on_elements.conj(), shifted)
    dimensions = torch.tensor(table.dimensions, dtype=torch.float64)
    power = (dimensions / group.order) ** 2 * parts.abs().square().sum(dim=1)
    return power / power.sum() if float(power.sum()) > 0 else power


def _centred(logits: Tensor, group: FiniteGroup) -> Float[Tensor, "order order order"]:
    wanted = [group.order] * 3
    if list(logits.shape) != wanted:
        raise ValueError(
            f"logits: wanted {wanted} for {group.name}, got {list(logits.shape)}; "
            "one row of outputs for every pair (a, b)"
        )
    z = logits.detach().to("cpu", torch.float64)
    if not bool(torch.isfinite(z).all()):
        raise ValueError("logits: wanted finite entries, got some that are not")
    return z - z.mean(dim=2, keepdim=True)
