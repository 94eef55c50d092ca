"""PGL(n) on the left of a tuple of matrices whose right another group moves: A_a -> g A_a v^-1.

Whatever v is, A_a A_0^-1 changes by conjugation with g alone. So g is fitted, up to the scalar that
v takes back, as the null vector of X Q_a - Q'_a X with Q_a = A_a A_0^-1, before v is known.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.symmetries.groups import GeneralLinear, Pairs, Views


@dataclass(frozen=True)
class ProjectiveLinear(GeneralLinear):
    """GL(n) modulo scalars: connected for odd n, of two components for even n."""

    @property
    def dimension(self) -> int:
        return self.n**2 - 1

    @property
    def log_order(self) -> float:
        return 0.0 if self.n % 2 else math.log(2)

    def fit(self, pairs: Pairs) -> Tensor:
        x, y, _ = next(p for p in pairs if p[2] == "direct")
        source, target = (_quotients(view[0], self.n) for view in (x, y))
        eye = torch.eye(self.n, dtype=x.dtype, device=x.device)
        # X Q - Q' X = 0 in the entries X[k, l], for the rows (a, i, j).
        equations = torch.einsum("ik,alj->aijkl", eye, source)
        equations = equations - torch.einsum("aik,lj->aijkl", target, eye)
        null = torch.linalg.svd(equations.flatten(3).flatten(0, 2), full_matrices=False).Vh[-1]
        return null.reshape(1, self.n, self.n).mT * self.n**0.5

    def canonical(self, views: Views) -> Tensor:
        raise ValueError("projective linear: no canonical form is unique; compare the invariants")


def _quotients(view: Tensor, n: int) -> Tensor:
    """A_a A_0^-1 for a >= 1, from rows [n, order * n]."""
    matrices = view.reshape(n, -1, n).movedim(1, 0)
    return torch.linalg.solve(matrices[:1], matrices[1:], left=False)
