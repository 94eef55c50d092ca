"""Translations of several copies at once that cancel: x_i + t_i with sum over copies i of t_i = 0.

Terms of one sum may trade constants (the functions of an additive model). The group has dimension
(copies - 1) n, so a `Factor` declares a stabiliser of n.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.symmetries.groups import Pairs, Translation, Views
from interpretable_arch.symmetry import Group, Side


@dataclass(frozen=True)
class BalancedTranslation(Group):
    """Canonical: all copies have the same mean over their rest."""

    n: int

    @property
    def dimension(self) -> int:
        return self.n

    @property
    def log_order(self) -> float:
        return 0.0

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return balanced(torch.randn(copies, self.n, generator=generator, dtype=dtype))

    def inverse(self, g: Tensor) -> Tensor:
        return -g

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return x + g[..., None] if side == "direct" else x - g[..., None]

    def fit(self, pairs: Pairs) -> Tensor:
        return balanced(Translation(self.n).fit(pairs))

    def canonical(self, views: Views) -> Tensor:
        return balanced(Translation(self.n).canonical(views))


def balanced(g: Tensor) -> Tensor:
    """The closest translation [copies, n] that sums to 0 over copies."""
    return g - g.mean(0, keepdim=True)
