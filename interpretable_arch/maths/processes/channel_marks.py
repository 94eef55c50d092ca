"""What can be said of Kraus operators before a basis is chosen, and what is left to choose.

E_w = sum_i K* K and F_w = sum_i K rho K*, with rho the stationary state, depend on the channel of
each token alone and turn with the basis: they mark it. Where the stationary state has equal
eigenvalues, the anchor a zero in its first row, or two operators of a token the same size, the
canonical form of `symmetries.kraus` is a choice, and `undetermined` names the block.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.maths.processes.channels import (
    effects,
    hermitian_basis,
    matrices,
    stationary,
    superoperators,
)

ZERO = 1e-6
Kraus = Complex[Tensor, "vocab kraus d d"]


@dataclass(frozen=True)
class Marks:
    """What depends on the channel alone and turns with the basis."""

    rho: Complex[Tensor, "d d"]
    tuple: Complex[Tensor, "mark d d"]


def marks(kraus: Kraus) -> Marks:
    """The stationary state, and E_w and F_w of every token."""
    basis = hermitian_basis(kraus.shape[-1], kraus)
    rho = matrices(stationary(superoperators(kraus, basis).sum(0)), basis)
    after = torch.einsum("wiab,bc,widc->wad", kraus, rho, kraus.conj())
    return Marks(rho, torch.cat([effects(kraus), after]))


def anchor(found: Marks) -> Complex[Tensor, "d d"]:
    """A generic sum of the marks, Hermitian, the weights fixed once for all."""
    weights = torch.cos(torch.arange(len(found.tuple), dtype=torch.float64) ** 2 + 0.5)
    return torch.einsum("m,mab->ab", weights.to(found.tuple), found.tuple)


def chirality(found: Marks) -> Float[Tensor, "mark mark"]:
    """Im tr(rho A B) over pairs of marks: complex conjugation changes its sign, a basis nothing."""
    triple = torch.einsum("ab,mbc,nca->mn", found.rho, found.tuple, found.tuple)
    return triple.imag


def handedness(found: Marks) -> Float[Tensor, ""]:
    """A generic sum of the chiralities: relations among the marks make single ones tie."""
    values = chirality(found).triu(1)
    weights = torch.cos(torch.arange(values.numel(), dtype=torch.float64) ** 2 + 0.25)
    return (weights.to(values).view_as(values) * values).sum()


@dataclass(frozen=True)
class Gaps:
    """How far the canonical form is from being arbitrary: gaps relative to the largest value.

    `stationary` between neighbouring eigenvalues of the stationary state, `anchor` the sizes in
    the anchor's first row, `mixing` the least gap of each token's operators' squared sizes,
    `handed` how far the process is from its mirror image's sign being a choice (1 where the two
    are the same).
    """

    stationary: Float[Tensor, " gap"]
    anchor: Float[Tensor, " entry"]
    mixing: Float[Tensor, " vocab"]
    handed: float
    eigenvalues: Float[Tensor, " d"]


def gaps(kraus: Kraus) -> Gaps:
    """The gaps of these operators, invariant under all that may change."""
    found = marks(kraus)
    values, vectors = torch.linalg.eigh(found.rho)
    values, turn = values.flip(-1), vectors.flip(-1).mH
    row = (turn @ anchor(found) @ turn.mH)[0, 1:].abs()
    sizes = torch.linalg.svdvals(kraus.flatten(2)).square()
    each = (sizes[:, :-1] - sizes[:, 1:]) / sizes[:, :1].clamp_min(torch.finfo(sizes.dtype).tiny)
    # Operators without size are all zero, whichever comes first.
    each = torch.where(sizes[:, :-1] > ZERO * sizes[:, :1], each, torch.ones_like(each))
    least = each.amin(-1) if each.shape[-1] else torch.ones_like(sizes[:, 0])
    most = float(chirality(found).abs().max())
    handed = float(handedness(found).abs()) / most if most > ZERO else 1.0
    return Gaps((values[:-1] - values[1:]) / values[0], row, least, handed, values)


def undetermined(found: Gaps, tolerance: float = ZERO) -> tuple[str, ...]:
    """The blocks in which the canonical form is a choice, in words; none at a generic point."""
    said: list[str] = []
    for i, gap in enumerate(found.stationary.tolist()):
        if not gap > tolerance:
            a, b = found.eigenvalues[i : i + 2].tolist()
            said.append(f"stationary eigenvalues {i} and {i + 1} are equal ({a:.6g}, {b:.6g})")
    for i, size in enumerate(found.anchor.tolist()):
        if not size > tolerance:
            said.append(f"the anchor of state {i + 1} is zero, its phase is free")
    for w, gap in enumerate(found.mixing.tolist()):
        if not gap > tolerance:
            said.append(f"two operators of token {w} have equal sizes")
    if not found.handed > tolerance:
        said.append("which of the model and its complex conjugate stands is a choice")
    return tuple(said)
