"""The scales and signs of a product of linear forms that writes p, (prod_i w_i . x) p.

Each factor w_i may be multiplied by any non-zero c_i when what the product writes is divided by
prod_i c_i: the group (R*)^factors, of dimension `factors` and with 2^factors components.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.symmetries.groups import Pairs, Views
from interpretable_arch.symmetry import Group, Side


@dataclass(frozen=True)
class FactorScales(Group):
    """Direct views [copies, factors, rest] are multiplied row by row; dual ones
    [copies, rest, 1] are divided by the product of all factors of their copy."""

    factors: int

    @property
    def dimension(self) -> int:
        return self.factors

    @property
    def log_order(self) -> float:
        return self.factors * math.log(2)

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        shape = (copies, self.factors)
        size = torch.randn(shape, generator=generator, dtype=dtype).mul(0.5).exp()
        return size * (torch.randint(0, 2, shape, generator=generator) * 2 - 1)

    def inverse(self, g: Tensor) -> Tensor:
        return 1 / g

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return x * g[..., None] if side == "direct" else x / g.prod(-1)[:, None, None]

    def fit(self, pairs: Pairs) -> Tensor:
        """Least squares on the direct side, whose factors are free one by one."""
        x = torch.cat([x for x, _, s in pairs if s == "direct"], -1)
        y = torch.cat([y for _, y, s in pairs if s == "direct"], -1)
        return (x * y).sum(-1) / x.square().sum(-1)

    def canonical(self, views: Views) -> Tensor:
        """Factors and what they write at one norm; the largest entry of each factor positive."""
        direct = torch.cat([v for v, s in views if s == "direct"], -1)
        dual = torch.cat([v for v, s in views if s == "dual"], -2)
        largest = direct.gather(-1, direct.abs().argmax(-1, keepdim=True)).squeeze(-1)
        norms = direct.norm(dim=-1)
        mean = (norms.prod(-1) * dual.flatten(1).norm(dim=-1)) ** (1 / (self.factors + 1))
        return mean[:, None] / norms * torch.where(largest < 0, -1.0, 1.0).to(norms.dtype)
