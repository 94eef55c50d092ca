"""What can be said of Kraus operators before a basis is chosen, and what is left to choose.

E_w = sum_i K* K and F_w = sum_i K rho K*, with rho the stationary state, depend on the channel of
each token alone and turn with the basis: they mark it. Where the stationary state has equal
eigenvalues, the anchor a zero in its first row, or two operators of a token the same size, the
canonical form of `symmetries.kraus` is a choice, and `undetermined` names the block. Which of a
channel and its mirror image stands is read off the whole channel: the marks do not see phases
between the parts of an operator.
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
SAME = 1e-10  # what rounding leaves between a channel and its mirror image that are the same
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


def own_basis(found: Marks) -> Complex[Tensor, "d d"]:
    """The change of basis that makes rho diagonal, descending, the anchor's first row positive."""
    turn = torch.linalg.eigh(found.rho).eigenvectors.flip(-1).mH
    phase = unit((turn @ anchor(found) @ turn.mH)[0])
    phase = torch.cat([torch.ones_like(phase[:1]), phase[1:]])
    return phase[:, None] * turn


def unit(z: Complex[Tensor, "*any"]) -> Complex[Tensor, "*any"]:
    """z / |z|, and 1 for 0."""
    size = z.abs()
    return torch.where(size > 0, z / size.where(size > 0, torch.ones_like(size)), 1)


def mirrored(kraus: Kraus) -> Float[Tensor, "vocab coordinate coordinate"]:
    """S_w less that of the complex conjugate operators, each in its own basis.

    Complex conjugation changes its sign, a basis and a mixing nothing; it is 0 for those channels
    alone that are their own mirror image, as S_w is all of a channel, coherences included.
    """
    first, second = (_in_own_basis(k) for k in (kraus, kraus.conj().resolve_conj()))
    return first - second


def _in_own_basis(kraus: Kraus) -> Tensor:
    turn = own_basis(marks(kraus))
    return superoperators(turn @ kraus @ turn.mH, hermitian_basis(kraus.shape[-1], kraus))


def handedness(difference: Float[Tensor, "vocab coordinate coordinate"]) -> Float[Tensor, ""]:
    """A generic sum of `mirrored`: its sign tells a channel from its mirror image."""
    weights = torch.cos(torch.arange(difference.numel(), dtype=torch.float64) ** 2 + 0.25)
    return (weights.to(difference).view_as(difference) * difference).sum()


def phase_reference(d: int, like: Tensor) -> Complex[Tensor, " entry"]:
    """A generic row [d * d] of length 1: an operator K has the phase that makes K . row positive.

    Not K's largest entry, which ties: a 2 x 2 unitary has two of the same size.
    """
    angle = torch.arange(d * d, dtype=torch.float64) ** 2 + 0.75
    row = torch.polar(1 + 0.5 * torch.cos(3 * angle), angle)
    return (row / row.norm()).to(like)


@dataclass(frozen=True)
class Gaps:
    """How far the canonical form is from being arbitrary: gaps relative to the largest value.

    `stationary` between neighbouring eigenvalues of the stationary state, `anchor` the sizes in
    the anchor's first row, `mixing` the least gap of each token's operators' squared sizes,
    `phase` the least overlap of them with what fixes their phases, in [0, 1], `handed` how far the
    channel is from its mirror image's sign being a choice (1 where the two are the same).
    """

    stationary: Float[Tensor, " gap"]
    anchor: Float[Tensor, " entry"]
    mixing: Float[Tensor, " vocab"]
    phase: Float[Tensor, " vocab"]
    handed: float
    eigenvalues: Float[Tensor, " d"]


def gaps(kraus: Kraus) -> Gaps:
    """The gaps of these operators, invariant under all that may change."""
    difference = mirrored(kraus)
    sign = handedness(difference)
    kraus = torch.where(sign < 0, kraus.conj(), kraus)
    found = marks(kraus)
    values = torch.linalg.eigvalsh(found.rho).flip(-1)
    turn = own_basis(found)
    row = (turn @ anchor(found) @ turn.mH)[0, 1:].abs()
    mixing, phase = _operator_gaps(turn @ kraus @ turn.mH)
    most = float(difference.norm())
    handed = float(sign.abs()) / most if most > SAME else 1.0
    return Gaps((values[:-1] - values[1:]) / values[0], row, mixing, phase, handed, values)


def _operator_gaps(kraus: Kraus) -> tuple[Float[Tensor, " vocab"], Float[Tensor, " vocab"]]:
    """Each token's least gap of squared sizes / largest, and least overlap with the reference."""
    _, sizes, rows = torch.linalg.svd(kraus.flatten(2), full_matrices=False)
    sizes = sizes.square()
    each = (sizes[:, :-1] - sizes[:, 1:]) / sizes[:, :1].clamp_min(torch.finfo(sizes.dtype).tiny)
    # Operators without size are all zero, whichever comes first and whatever its phase.
    one = torch.ones_like(sizes)
    each = torch.where(sizes[:, :-1] > ZERO * sizes[:, :1], each, one[:, 1:])
    overlap = (rows @ phase_reference(kraus.shape[-1], rows)).abs()
    overlap = torch.where(sizes > ZERO * sizes[:, :1], overlap, one)
    least = each.amin(-1) if each.shape[-1] else one[:, 0]
    return least, overlap.amin(-1)


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
    for w, overlap in enumerate(found.phase.tolist()):
        if not overlap > tolerance:
            said.append(f"nothing fixes the phase of an operator of token {w}")
    if not found.handed > tolerance:
        said.append("which of the model and its complex conjugate stands is a choice")
    return tuple(said)
