"""What a Born machine of one matrix a token does not show of it: the basis, a phase of each token,
and complex conjugation of all.

    X_w -> lambda e^{i phi_w} B conj^c(X_w) B^-1

One group on the whole tuple. B is any invertible matrix and lambda > 0 (`LinearGauge`), or B is
unitary and lambda = 1, where sum XX* = 1 is kept (`UnitaryGauge`). Its canonical element leads to
the Schmidt basis, tr(Q X_w) >= 0 for every token, row 1 of sum_w X_w >= 0 and, of the two
conjugates, the one of which a generic sum of the imaginary parts is positive.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Complex
from torch import Tensor

from interpretable_arch.maths.processes.uniform_mps import (
    change_basis,
    handedness,
    phases,
    schmidt_basis,
    turned,
    weighted_traces,
)
from interpretable_arch.symmetries.groups import Pairs, Views, polar
from interpretable_arch.symmetry import Group, Side

ZERO = 1e-9
Flat = Complex[Tensor, "1 entry"]


@dataclass(frozen=True)
class _Move:
    """The element as it acts: conjugate first where asked, then change the basis, then factors."""

    conjugate: bool
    basis: Complex[Tensor, "d d"]
    factors: Complex[Tensor, " vocab"]

    def on(self, X: Tensor) -> Tensor:
        moved = change_basis(X.conj() if self.conjugate else X, self.basis)
        return self.factors[:, None, None] * moved

    def _same(self, x: Tensor) -> Tensor:
        return x.conj().resolve_conj() if self.conjugate else x

    def inverse(self) -> "_Move":
        basis = self._same(torch.linalg.inv(self.basis))
        return _Move(self.conjugate, basis, self._same(1 / self.factors))

    def after(self, first: "_Move") -> "_Move":
        basis = self.basis @ self._same(first.basis)
        factors = self.factors * self._same(first.factors)
        return _Move(self.conjugate != first.conjugate, basis, factors)

    def flat(self) -> Flat:
        sign = torch.full_like(self.factors[:1], -1.0 if self.conjugate else 1.0)
        return torch.cat([sign, self.basis.flatten(), self.factors])[None]


class _Gauge:
    """What the two groups share; an element [1, 1 + d^2 + vocab] is sign, basis and factors."""

    vocab: int
    d: int

    @property
    def log_order(self) -> float:
        return math.log(2) if self.d > 1 else 0.0

    def _move(self, g: Flat) -> _Move:
        basis = g[0, 1 : 1 + self.d**2].reshape(self.d, self.d)
        return _Move(bool(g[0, 0].real < 0), basis, g[0, 1 + self.d**2 :])

    def _tuple(self, view: Tensor) -> Tensor:
        """The view [1, vocab, d * d] of axis 0 as [vocab, d, d]."""
        return view[0].reshape(self.vocab, self.d, self.d)

    def inverse(self, g: Tensor) -> Tensor:
        return self._move(g).inverse().flat()

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return self._move(g).on(self._tuple(x)).flatten(1)[None]

    def fit(self, pairs: Pairs) -> Tensor:
        x, y = (self._tuple(v) for v in pairs[0][:2])
        to, back = _to_canonical(x), _to_canonical(y).inverse()
        # Where the generic sum is small, rounding decides which of two conjugates is canonical.
        found = [back.after(_mirror(to, c)).after(to) for c in (False, True)]
        return min(found, key=lambda move: float((move.on(x) - y).norm())).flat()

    def canonical(self, views: Views) -> Tensor:
        return _to_canonical(self._tuple(views[0][0])).flat()

    def apart(self, x: Tensor, y: Tensor) -> float:
        """The largest entry of the difference of two tuples [vocab, d, d] in canonical form."""
        x, y = (_to_canonical(v).on(v) for v in (x, y))
        return min(float((v - y).abs().max()) for v in (x, x.conj()))

    def _random(
        self, generator: torch.Generator, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor, bool]:
        kind = torch.complex64 if dtype == torch.float32 else torch.complex128
        basis = torch.randn(self.d, self.d, generator=generator, dtype=kind)
        angle = 2 * math.pi * torch.rand(self.vocab, generator=generator, dtype=dtype)
        flipped = self.d > 1 and bool(torch.randint(0, 2, (), generator=generator))
        return basis, torch.polar(torch.ones_like(angle), angle), flipped


@dataclass(frozen=True)
class LinearGauge(_Gauge, Group):
    """PGL(d, C), a positive scale, a phase of each token, and conjugation."""

    vocab: int
    d: int

    @property
    def dimension(self) -> int:
        return 2 * (self.d**2 - 1) + 1 + self.vocab

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        basis, phase, flipped = self._random(generator, dtype)
        eye = torch.eye(self.d, dtype=basis.dtype)
        scale = float(torch.randn((), generator=generator, dtype=dtype).mul(0.5).exp())
        return _Move(flipped, eye + 0.3 * basis / self.d**0.5, scale * phase).flat()


@dataclass(frozen=True)
class UnitaryGauge(_Gauge, Group):
    """PU(d), a phase of each token, and conjugation: sum XX* = 1 stays."""

    vocab: int
    d: int

    @property
    def dimension(self) -> int:
        return self.d**2 - 1 + self.vocab

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        basis, phase, flipped = self._random(generator, dtype)
        return _Move(flipped, polar(basis), phase).flat()


def _to_canonical(X: Complex[Tensor, "vocab d d"]) -> _Move:
    found = schmidt_basis(X)
    trace = weighted_traces(X)
    size = trace.abs()
    phase = torch.where(size > ZERO, trace.conj() / size.where(size > ZERO, size + 1), 1)
    factors = phase / found.rho.sqrt()
    moved = factors[:, None, None] * change_basis(X, found.basis)
    turn = phases(moved.sum(0)[0])
    move = _Move(False, turn[:, None] * found.basis, factors)
    conjugate = bool(handedness(turned(moved, turn)) < 0)
    return _mirror(move, conjugate).after(move)


def _mirror(like: _Move, conjugate: bool) -> _Move:
    """Conjugation or nothing, as an element."""
    eye = torch.eye(len(like.basis), dtype=like.basis.dtype, device=like.basis.device)
    return _Move(conjugate, eye, torch.ones_like(like.factors))
