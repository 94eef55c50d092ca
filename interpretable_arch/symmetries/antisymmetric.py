"""What a quadratic form does not see of its matrix: x (M + K) x^T = x M x^T for K = -K^T."""

from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.symmetries.groups import Pairs, Views
from interpretable_arch.symmetry import Group, Side


@dataclass(frozen=True)
class Antisymmetric(Group):
    """Antisymmetric n x n matrices under addition, on views [copies, n, n]; canonical: none left,
    the matrix is symmetric."""

    n: int

    @property
    def dimension(self) -> int:
        return self.n * (self.n - 1) // 2

    @property
    def log_order(self) -> float:
        return 0.0

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return _part(torch.randn(copies, self.n, self.n, generator=generator, dtype=dtype))

    def inverse(self, g: Tensor) -> Tensor:
        return -g

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return x + g if side == "direct" else x - g

    def fit(self, pairs: Pairs) -> Tensor:
        (x, y, _), *_ = pairs
        return _part(y - x)

    def canonical(self, views: Views) -> Tensor:
        return -_part(views[0][0])


def _part(x: Tensor) -> Tensor:
    return (x - x.mT) / 2
