"""Change of basis of a tuple of matrices, A_g -> U A_g U*, and complex conjugation of them all.

Two tuples that differ by a change of basis are matched by their intertwiner, the fixed point of
X -> mean_g A'_g X A_g*, which needs no search. For representations the complete invariant is the
character; a commutant larger than the scalars is a stabiliser, and alignment is up to it.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.symmetries.groups import Pairs, Views, polar
from interpretable_arch.symmetry import Group, Side

Matrices = Complex[Tensor, "order d d"] | Float[Tensor, "order d d"]


def intertwiner(source: Matrices, target: Matrices, steps: int = 2000) -> Tensor:
    """A unitary U [d, d] with U source_g U* closest to target_g; real for real input.

    Power iteration from a fixed generic start, stopped when it no longer moves.
    """
    d = source.shape[-1]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(d, d, generator=generator, dtype=source.dtype).to(source.device)
    adjoint = source.conj().transpose(-2, -1)
    for _ in range(steps):
        new = (target @ x @ adjoint).mean(0)
        new = new / new.norm()
        moved, x = float((new - x).norm()), new
        if moved < 1e-14:
            break
    return polar(x)


def _matrices(x: Tensor, n: int) -> Tensor:
    """The row view [1, d, order * d] as matrices [order, d, d]."""
    return x[0].reshape(n, -1, n).movedim(1, 0)


class _Conjugation:
    """What the unitary and the orthogonal change of basis share."""

    n: int

    def inverse(self, g: Tensor) -> Tensor:
        return g.conj().mT

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return (g if side == "direct" else g.conj()) @ x

    def fit(self, pairs: Pairs) -> Tensor:
        x, y, _ = next(p for p in pairs if p[2] == "direct")
        return intertwiner(_matrices(x, self.n), _matrices(y, self.n))[None]

    def canonical(self, views: Views) -> Tensor:
        raise ValueError("conjugation: no canonical form is unique; compare the invariants")


@dataclass(frozen=True)
class UnitaryConjugation(_Conjugation, Group):
    n: int

    @property
    def dimension(self) -> int:
        return self.n**2

    @property
    def log_order(self) -> float:
        return 0.0

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        kind = torch.complex64 if dtype == torch.float32 else torch.complex128
        return polar(torch.randn(copies, self.n, self.n, generator=generator, dtype=kind))


@dataclass(frozen=True)
class OrthogonalConjugation(_Conjugation, Group):
    """O(n) modulo +-1, which moves nothing: connected for odd n, of two components for even n."""

    n: int

    @property
    def dimension(self) -> int:
        return self.n * (self.n - 1) // 2

    @property
    def log_order(self) -> float:
        return 0.0 if self.n % 2 else math.log(2)

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return polar(torch.randn(copies, self.n, self.n, generator=generator, dtype=dtype))


@dataclass(frozen=True)
class ComplexConjugation(Group):
    """Z_2: all matrices [order, d, d] are conjugated at once (g = -1) or not (g = 1)."""

    n: int

    @property
    def dimension(self) -> int:
        return 0

    @property
    def log_order(self) -> float:
        return math.log(2)

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return torch.randint(0, 2, (copies,), generator=generator).to(dtype) * 2 - 1

    def inverse(self, g: Tensor) -> Tensor:
        return g

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return torch.where((g < 0)[:, None, None], x.conj(), x)

    def fit(self, pairs: Pairs) -> Tensor:
        x, y = (traces(_matrices(v, self.n)) for v in pairs[0][:2])
        flipped = (x.conj() - y).norm() < (x - y).norm()
        return torch.where(flipped, -1.0, 1.0)[None]

    def canonical(self, views: Views) -> Tensor:
        t = traces(_matrices(views[0][0], self.n)).imag
        return torch.where(t[t.abs().argmax()] < 0, -1.0, 1.0)[None]


def traces(matrices: Matrices) -> Tensor:
    """tr A_a and tr A_a A_b*, flat: what a change of basis leaves alone."""
    gram = torch.einsum("aij,bij->ab", matrices, matrices.conj())
    return torch.cat([torch.einsum("aii->a", matrices), gram.flatten()])
