"""What may change in Kraus operators K_{w,i} without changing their process.

    conjugation   K -> conj K, of all at once                    Z_2
    basis         K_{w,i} -> U K_{w,i} U*                        U(d), whose phases do nothing
    mixing        K_{w,i} -> sum_j u^w_{ij} K_{w,j}              U(kraus) for each token

The canonical form: the stationary state is diagonal, descending; the phases that this leaves are
those that make the first row of the anchor positive; the operators of a token are orthogonal,
descending by size, the overlap of each with a fixed generic matrix positive. Bases are
found from what depends on the channel alone (`maths.processes.channel_marks`), which is why they
can be matched before mixings are.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.maths.processes.channel_marks import (
    handedness,
    marks,
    mirrored,
    own_basis,
    phase_reference,
    unit,
)
from interpretable_arch.maths.processes.channels import hermitian_basis, superoperators
from interpretable_arch.symmetries.conjugation import (
    ComplexConjugation,
    UnitaryConjugation,
    intertwiner,
)
from interpretable_arch.symmetries.groups import Pairs, Views, polar
from interpretable_arch.symmetry import Side


class _Whole:
    """Groups that act on all operators at once: a view [1, n, vocab * kraus * n] of axis 2."""

    n: int
    kraus: int

    def operators(self, view: Tensor) -> Tensor:
        """[vocab, kraus, n, n]."""
        return view[0].reshape(self.n, -1, self.kraus, self.n).movedim(0, 2)

    def back(self, operators: Tensor) -> Tensor:
        return operators.movedim(2, 0).flatten(1)[None]


@dataclass(frozen=True)
class Conjugation(_Whole, ComplexConjugation):
    kraus: int

    @property
    def log_order(self) -> float:
        return math.log(2) if self.n > 1 else 0.0

    def fit(self, pairs: Pairs) -> Tensor:
        """The sign under which the whole channels come closer, each in the basis fitted to it."""
        x, y = (self.operators(v) for v in pairs[0][:2])
        as_is, mirror = (_apart(v, y) for v in (x, x.conj().resolve_conj()))
        return torch.where(mirror < as_is, -1.0, 1.0)[None]

    def canonical(self, views: Views) -> Tensor:
        return torch.where(handedness(mirrored(self.operators(views[0][0]))) < 0, -1.0, 1.0)[None]


@dataclass(frozen=True)
class Basis(_Whole, UnitaryConjugation):
    """U(n), K -> U K U*; a phase of U does nothing, so that its factor has a stabiliser of 1."""

    kraus: int

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return self.back(g[0] @ self.operators(x) @ g[0].mH)

    def fit(self, pairs: Pairs) -> Tensor:
        x, y = (marks(self.operators(v)).tuple for v in pairs[0][:2])
        return intertwiner(x, y)[None]

    def canonical(self, views: Views) -> Tensor:
        return own_basis(marks(self.operators(views[0][0])))[None]


@dataclass(frozen=True)
class Mixing(UnitaryConjugation):
    """U(n) on the n operators of each token, a view [vocab, n, d * d] of axis 1."""

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return g @ x

    def fit(self, pairs: Pairs) -> Tensor:
        x, y = pairs[0][:2]
        return polar(y @ x.mH)

    def canonical(self, views: Views) -> Tensor:
        x = views[0][0]
        turn = torch.linalg.eigh(x @ x.mH).eigenvectors.flip(-1).mH
        moved = turn @ x
        phase = unit(moved @ phase_reference(math.isqrt(x.shape[-1]), moved))
        return phase.conj()[..., None] * turn


def _apart(x: Tensor, y: Tensor) -> Tensor:
    """How far the channels of operators x and y are apart once x has y's basis."""
    turn = intertwiner(marks(x).tuple, marks(y).tuple)
    basis = hermitian_basis(x.shape[-1], x)
    return (superoperators(turn @ x @ turn.mH, basis) - superoperators(y, basis)).norm()
