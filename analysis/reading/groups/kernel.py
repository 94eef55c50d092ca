"""Kernel and centre of a representation, read off trained matrices.

With B_g = A_g A_e*: the kernel is where B_g = 1, the scalars where B_g is a number times 1, the
centre where B_g commutes with every B_h (tested on generators). Each comes with the worst distance
inside and the least outside, in root mean square over a matrix's rows, so that the gap between them
says how clear the answer is.

Source: J.-P. Serre, Linear Representations of Finite Groups (1977), chapter 6; I. M. Isaacs,
Character Theory of Finite Groups (1976), chapter 2.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.maths.groups.characters import CharacterTable
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.isomorphism import short_generators

NEAR = 0.1


@dataclass(frozen=True)
class ReadSubgroup:
    """Elements found, the worst residual among them, and the least among the others, if any."""

    elements: tuple[int, ...]
    residual: float
    outside: float | None


@dataclass(frozen=True)
class KernelAndCentre:
    kernel: ReadSubgroup
    scalars: ReadSubgroup
    centre: ReadSubgroup


def kernel_and_centre(
    matrices: Complex[Tensor, "order d d"], group: FiniteGroup
) -> KernelAndCentre:
    """What the matrices B_g of a group's elements, B_e near 1, send to 1, to scalars, to the
    centre; an element belongs where its residual is at most 0.1."""
    B, d = matrices, matrices.shape[-1]
    one = torch.eye(d, dtype=B.dtype)
    mean = torch.einsum("gii->g", B) / d
    to_one = (B - one).norm(dim=(1, 2)) / d**0.5
    to_scalar = (B - mean[:, None, None] * one).norm(dim=(1, 2)) / d**0.5
    commutators = [_commutator(B, s) for s in short_generators(group)]
    apart = torch.stack(commutators).amax(0) if commutators else torch.zeros(len(B))
    return KernelAndCentre(_near(to_one), _near(to_scalar), _near(apart))


def exact_kernel(table: CharacterTable, row: int) -> tuple[int, ...]:
    """Elements that an irreducible sends to 1: all their eigenvalues are, counted exactly."""
    return _elements(table, table.eigenvalues[row, :, 0] == table.dimensions[row])


def exact_scalars(table: CharacterTable, row: int) -> tuple[int, ...]:
    """Elements that an irreducible sends to a scalar: their eigenvalues are all one number."""
    return _elements(table, table.eigenvalues[row].amax(-1) == table.dimensions[row])


def _elements(table: CharacterTable, classes: Tensor) -> tuple[int, ...]:
    return tuple(torch.nonzero(classes[table.group.class_of]).flatten().tolist())


def _commutator(B: Complex[Tensor, "order d d"], s: int) -> Float[Tensor, " order"]:
    return (B @ B[s] - B[s] @ B).norm(dim=(1, 2)) / B.shape[-1] ** 0.5


def _near(residuals: Float[Tensor, " order"]) -> ReadSubgroup:
    inside = residuals <= NEAR
    found = tuple(torch.nonzero(inside).flatten().tolist())
    worst = float(residuals[inside].max()) if found else 0.0
    rest = residuals[~inside]
    return ReadSubgroup(found, worst, float(rest.min()) if len(rest) else None)
