"""What representation of a finite group do trained matrices hold?

From matrices A_g of the elements take B_g = A_g A_e*, its character chi(g) = tr B_g, and the
multiplicities m_rho = <chi, chi_rho> = (1/|G|) sum over g of chi(g) conj chi_rho(g).  Where these
are whole numbers that fill the dimension, the matrices are brought to a direct sum of exact
irreducibles by a unitary intertwiner found from the matrices themselves, and the residual says how
exactly.  The homomorphism defect is max over g, h of ||B_g B_h - B_gh||_F / sqrt(d).

All of this is said of B.  A itself is a representation only where A_e = 1 too: `identity` says how
far it is from that, and a second minimum of Z3 has B a representation and A_e no scalar.

Sources: J.-P. Serre, Linear Representations of Finite Groups (1977), chapter 2; B. Chughtai,
L. Chan, N. Nanda, A toy model of universality (2023), arXiv 2302.03025.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Complex, Shaped
from torch import Tensor

from analysis.reading.exact_forms import ExactIrreducible, exact_forms
from analysis.reading.intertwiners import Intertwiner, intertwine
from interpretable_arch.maths.groups.characters import CharacterTable, character_table
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.irreducibles import irreducibles

WHOLE = 0.1  # a multiplicity this near to a whole number is one
BROKEN = 0.1  # matrices with a larger homomorphism defect are no representation


@dataclass(frozen=True)
class ClassCharacter:
    """chi on one conjugacy class: mean (real, imaginary) and the largest distance from it."""

    representative: str
    size: int
    real: float
    imaginary: float
    spread: float


@dataclass(frozen=True)
class Multiplicity:
    """<chi, chi_rho> and its distance in the complex plane from the whole number `copies`."""

    name: str
    dimension: int
    type: str
    value: float
    copies: int
    distance: float


@dataclass(frozen=True)
class GroupReading:
    """One trained solution, read.  `label` names the representation B_g = A_g A_e*, and is "none"
    where B is none: a defect above 0.1, or multiplicities that are not whole or do not fill d.

    `identity` is ||A_e - 1||_F / sqrt(d), 0 where A is a representation itself.
    `off_identity` is max |chi(g) + 1| over g != e, zero for the regular representation less the
    trivial one.  `margin` is min over g != e of 1 - Re chi(g) / d for the exact sum: positive when
    it tells all elements apart, so that it computes every product of the table.
    """

    group: str
    order: int
    dimension: int
    label: str
    unitarity: float
    defect: float
    identity: float
    off_identity: float
    characters: tuple[ClassCharacter, ...]
    multiplicities: tuple[Multiplicity, ...]
    irreducibles: tuple[ExactIrreducible, ...]
    margin: float | None
    intertwiner: Intertwiner | None

    @property
    def residual(self) -> float | None:
        """max over g of ||T B_g T* - (direct sum)(g)||_F / sqrt(d); None where there is no sum."""
        return None if self.intertwiner is None else self.intertwiner.residual

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON; the intertwiner's matrix as rows of [real, imaginary]."""
        fields = {name: value for name, value in vars(self).items() if name != "intertwiner"}
        plain = {name: _plain(value) for name, value in fields.items()}
        return plain | {"intertwiner": _plain_intertwiner(self.intertwiner)}


def read_group(tokens: Shaped[Tensor, "*order_d_d"], group: FiniteGroup) -> GroupReading:
    """Read the representation in the matrices [order, d, d] of a group's elements, in table order.

    Real or complex; they should be near unitary, `unitarity` says how near.  Raises ValueError for
    another shape or entries that are not finite.
    """
    A = _checked(tokens, group)
    B = torch.einsum("gij,kj->gik", A, A[group.identity].conj())
    chi = torch.einsum("gii->g", B)
    table = character_table(group)
    multiplicities = _multiplicities(chi, table)
    copies = [m.copies if m.distance <= WHOLE else -1 for m in multiplicities]
    filled = sum(m * n for m, n in zip(copies, table.dimensions, strict=True)) == A.shape[-1]
    defect = homomorphism_defect(B, group)
    whole = min(copies) >= 0 and filled and defect <= BROKEN
    forms = zip(exact_forms(group), copies, strict=True)
    return GroupReading(
        group=group.name,
        order=group.order,
        dimension=A.shape[-1],
        label=_label(table.names, copies) if whole else "none",
        unitarity=_unitarity(A),
        defect=defect,
        identity=distance_from_one(A[group.identity]),
        off_identity=_off_identity(chi, group),
        characters=_class_characters(chi, group),
        multiplicities=multiplicities,
        irreducibles=tuple(form for form, m in forms if m > 0) if whole else (),
        margin=_margin(table, copies) if whole else None,
        intertwiner=intertwine(B, irreducibles(group), copies) if whole else None,
    )


def distance_from_one(matrix: Complex[Tensor, "d d"]) -> float:
    """||A - 1||_F / sqrt(d)."""
    one = torch.eye(len(matrix), dtype=matrix.dtype)
    return float((matrix - one).norm()) / len(matrix) ** 0.5


def homomorphism_defect(matrices: Complex[Tensor, "order d d"], group: FiniteGroup) -> float:
    """max over g, h of ||B_g B_h - B_gh||_F / sqrt(d), over every product of the table."""
    order, d = matrices.shape[:2]
    single = matrices.to(torch.complex64)  # finds the worst pair in half the time
    beside = single.transpose(0, 1).reshape(d, order * d)
    distances = torch.empty(order, order)
    for g in range(order):
        products = (single[g] @ beside).reshape(d, order, d)
        products -= single[group.table[g]].transpose(0, 1)
        distances[g] = torch.view_as_real(products).square_().sum(dim=(0, 2, 3))
    g, h = divmod(int(distances.argmax()), order)
    left_over = matrices[g] @ matrices[h] - matrices[group.table[g, h]]
    return float(left_over.norm()) / d**0.5


def _checked(tokens: Tensor, group: FiniteGroup) -> Complex[Tensor, "order d d"]:
    shape = list(tokens.shape)
    if len(shape) != 3 or shape[0] != group.order or shape[1] != shape[2] or not shape[1]:
        raise ValueError(f"tokens: wanted [{group.order}, d, d] for {group.name}, got {shape}")
    if not bool(torch.isfinite(torch.view_as_real(tokens.to(torch.complex128))).all()):
        raise ValueError("tokens: wanted finite entries, got some that are not")
    return tokens.detach().to("cpu", torch.complex128)


def _unitarity(A: Complex[Tensor, "order d d"]) -> float:
    """max over g of ||A_g A_g* - I||_F / sqrt(d)."""
    products = torch.einsum("gij,gkj->gik", A, A.conj())
    return float((products - torch.eye(A.shape[-1])).norm(dim=(1, 2)).max() / A.shape[-1] ** 0.5)


def _off_identity(chi: Complex[Tensor, "order"], group: FiniteGroup) -> float:
    distances = (chi + 1).abs()
    distances[group.identity] = 0.0
    return float(distances.max())


def _multiplicities(
    chi: Complex[Tensor, "order"], table: CharacterTable
) -> tuple[Multiplicity, ...]:
    inner = torch.einsum("g,rg->r", chi, table.on_elements.conj()) / len(chi)
    copies = [round(value) for value in inner.real.tolist()]
    distances = [abs(z - m) for z, m in zip(inner.tolist(), copies, strict=True)]
    rows = zip(table.names, table.dimensions, table.types, inner.real.tolist(), strict=True)
    more = zip(rows, copies, distances, strict=True)
    return tuple(Multiplicity(*row, m, distance) for row, m, distance in more)


def _class_characters(
    chi: Complex[Tensor, "order"], group: FiniteGroup
) -> tuple[ClassCharacter, ...]:
    found = []
    for members in group.classes:
        values = chi[list(members)]
        mean = complex(values.mean())
        spread = float((values - mean).abs().max())
        label = group.labels[members[0]]
        found.append(ClassCharacter(label, len(members), mean.real, mean.imag, spread))
    return tuple(found)


def _margin(table: CharacterTable, copies: Sequence[int]) -> float:
    weights = torch.tensor(copies, dtype=torch.complex128)
    chi = torch.einsum("r,rc->c", weights, table.values).real
    return float((1 - chi[1:] / chi[0]).amin()) if len(chi) > 1 else 1.0


def _label(names: Sequence[str], copies: Sequence[int]) -> str:
    """The irreducibles in use with their multiplicities: "1a + 2a*2"."""
    used = [(name, m) for name, m in zip(names, copies, strict=True) if m > 0]
    return " + ".join(name if m == 1 else f"{name}*{m}" for name, m in used)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [asdict(item) for item in value]
    return value


def _plain_intertwiner(intertwiner: Intertwiner | None) -> dict[str, Any] | None:
    if intertwiner is None:
        return None
    return {
        "blocks": [list(block) for block in intertwiner.blocks],
        "residual": intertwiner.residual,
        "residuals": list(intertwiner.residuals),
        "matrix": torch.view_as_real(intertwiner.matrix).tolist(),
    }
