"""The unitary change of basis from trained matrices to a direct sum of exact irreducibles.

For any d_rho x d matrix X the average T = (d_rho / |G|) sum over g of rho(g) X B_g* satisfies
T B_h = rho(h) T when B is a representation.  Here X runs over matrices with one non-zero row x, and
the singular value decomposition picks as many x as rho has copies, so nothing is random.  The
stacked T of all copies is replaced by the nearest unitary matrix (its polar factor), and what is
left, max over g of ||T B_g T* - (direct sum)(g)||_F / sqrt(d), is the residual.

Source: J.-P. Serre, Linear Representations of Finite Groups (1977), section 2.7.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Complex
from torch import Tensor

from interpretable_arch.maths.groups.irreducibles import Irreducible


@dataclass(frozen=True, eq=False)
class Intertwiner:
    """T with T B_g T* = direct sum over blocks of rho(g), one row of T for each row of the sum.

    `blocks` are (irreducible's name, copies) in the order of T's rows, copies adjacent.  `residual`
    and `residuals` (one a block) are root-mean-square over a matrix's rows, the worst over g.
    """

    matrix: Complex[Tensor, "d d"]
    blocks: tuple[tuple[str, int], ...]
    residual: float
    residuals: tuple[float, ...]


def direct_sum(
    irreducibles: Sequence[Irreducible], copies: Sequence[int]
) -> Complex[Tensor, "order d d"]:
    """The block-diagonal matrices of every element, each irreducible as often as `copies` says."""
    order = irreducibles[0].group.order
    size = sum(rho.dimension * m for rho, m in zip(irreducibles, copies, strict=True))
    total = torch.zeros(order, size, size, dtype=torch.complex128)
    start = 0
    for rho, m in zip(irreducibles, copies, strict=True):
        for _ in range(m):
            stop = start + rho.dimension
            total[:, start:stop, start:stop] = rho.matrices
            start = stop
    return total


def intertwine(
    matrices: Complex[Tensor, "order d d"],
    irreducibles: Sequence[Irreducible],
    copies: Sequence[int],
) -> Intertwiner:
    """Find T for matrices B_g that hold each irreducible `copies` times.

    Raises ValueError where the copies' dimensions do not add up to d.
    """
    used = [(rho, m) for rho, m in zip(irreducibles, copies, strict=True) if m]
    size = sum(rho.dimension * m for rho, m in used)
    if size != matrices.shape[-1]:
        raise ValueError(f"copies: wanted dimensions adding to {matrices.shape[-1]}, got {size}")
    stacked = torch.cat([_copies_of(rho, m, matrices) for rho, m in used])
    left, _, right = torch.linalg.svd(stacked)
    T = left @ right
    exact = direct_sum([rho for rho, _ in used], [m for _, m in used])
    left_over = torch.einsum("ij,gjk,lk->gil", T, matrices, T.conj()) - exact
    blocks = tuple((rho.name, m) for rho, m in used)
    return Intertwiner(T, blocks, _worst(left_over), _by_block(left_over, used))


def _copies_of(
    rho: Irreducible, copies: int, matrices: Complex[Tensor, "order d d"]
) -> Complex[Tensor, "copies_row d"]:
    """The averages of the `copies` best choices of x, rows (copy, row of rho)."""
    scale = rho.dimension / len(matrices)
    average = scale * torch.einsum("gi,gyx->xiy", rho.matrices[:, :, 0], matrices.conj())
    left, _, _ = torch.linalg.svd(average.flatten(1), full_matrices=False)
    return torch.einsum("xc,xiy->ciy", left[:, :copies].conj(), average).flatten(0, 1)


def _worst(left_over: Complex[Tensor, "order row d"]) -> float:
    return float((left_over.norm(dim=(1, 2)) / left_over.shape[1] ** 0.5).max())


def _by_block(
    left_over: Complex[Tensor, "order d d"], used: Sequence[tuple[Irreducible, int]]
) -> tuple[float, ...]:
    sizes = [rho.dimension * m for rho, m in used]
    return tuple(_worst(rows) for rows in left_over.split(sizes, dim=1))
