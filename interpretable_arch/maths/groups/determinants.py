"""Determinants of the regular representation, from products alone and with no table given.

Left multiplication by g has n/ord(g) cycles of length ord(g), so its determinant is -1 exactly
where ord(g) is even and n/ord(g) odd: the powers of g then hold a whole Sylow 2-subgroup. So it is
trivial unless the Sylow 2-subgroup is cyclic of order 2^k > 1, and then it is the parity of a
homomorphism x onto Z/2^k (Burnside's normal complement); the other way round, a homomorphism onto
Z/2^k, where 2^k is the power of 2 in n, is one to one on a Sylow 2-subgroup, which is thus cyclic.

Products shown are linear equations x(a) + x(b) = x(ab) modulo 2^k. Eliminated by pivots of least
2-adic valuation, each row is 2^v times one whose reduction modulo 2 holds for the parities, and
nothing else binds these: the parities of all solutions are the null space of the reduced rows.

Where 4 divides n the products shown may also belong to a group without a cyclic Sylow 2-subgroup,
whose determinants are all +1. That is ruled out where they present one table (`presentations`).

Sources: W. Burnside, Theory of Groups of Finite Order (1911), section 244; J.-P. Serre, Linear
Representations of Finite Groups (1977), chapter 1.
"""

import itertools

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from interpretable_arch.maths.groups.presentations import determined_table

MOST_FREE = 10  # with more free parities than this no choice is written out


def settled_determinants(
    pairs: Int[Tensor, "example 2"], products: Int[Tensor, " example"], order: int
) -> tuple[int, ...]:
    """The signs where one choice is left, else all +1. Raises as `determinant_candidates`."""
    found = determinant_candidates(pairs, products, order)
    return found[0] if found is not None and len(found) == 1 else (1,) * order


def determinant_candidates(
    pairs: Int[Tensor, "example 2"], products: Int[Tensor, " example"], order: int
) -> tuple[tuple[int, ...], ...] | None:
    """Every choice of signs +-1 of the `order` elements that the shown products leave open.

    A sign is the determinant of left multiplication on the group, or on it less the constants.
    Products that present the table leave one choice. All +1 stands last, where it may be: it is
    left out where 2 but not 4 divides the order, or the products present the table, and some other
    choice is there. None says that more than 2^MOST_FREE are open. The products are taken to be
    some group's: of those that no group keeps, the answer says nothing. Raises ValueError for
    elements outside 0..order-1.
    """
    shown = torch.cat([pairs, products[:, None]], dim=1).cpu()
    if shown.numel() and (int(shown.min()) < 0 or int(shown.max()) >= order):
        got = f"{int(shown.min())} to {int(shown.max())}"
        raise ValueError(f"products: wanted elements of 0..{order - 1}, got {got}")
    parities = _parities(shown.numpy(), order, order & -order)
    if parities is None:
        return None
    found = [p for p in parities if _may_be(p, order)]
    signs = tuple(tuple(int(1 - 2 * x) for x in parity) for parity in found)
    settled = signs and (order % 4 != 0 or determined_table(shown, order) is not None)
    return signs if settled else (*signs, (1,) * order)


def _may_be(parity: np.ndarray, order: int) -> bool:
    """Half of the elements are odd, as in every homomorphism onto +-1."""
    return 2 * int(parity.sum()) == order


def _parities(shown: np.ndarray, order: int, modulus: int) -> list[np.ndarray] | None:
    """The odd parts of all homomorphisms to Z/modulus; None above 2^MOST_FREE of them."""
    if modulus == 1:
        return []
    rows, pivots = _reduced(_equations(shown, order), modulus)
    free = [c for c in range(order) if c not in set(pivots)]
    if len(free) > MOST_FREE:
        return None
    found = []
    for bits in itertools.product((0, 1), repeat=len(free)):
        parity = np.zeros(order, dtype=np.int64)
        parity[free] = bits
        for row, pivot in zip(rows[::-1], pivots[::-1], strict=True):
            parity[pivot] = (row @ parity - row[pivot] * parity[pivot]) % 2
        found.append(parity)
    return found


def _equations(shown: np.ndarray, order: int) -> np.ndarray:
    equations = np.zeros((len(shown), order), dtype=np.int64)
    at = np.arange(len(shown))
    for column, factor in enumerate((1, 1, -1)):
        np.add.at(equations, (at, shown[:, column]), factor)
    return np.unique(equations, axis=0)


def _reduced(matrix: np.ndarray, modulus: int) -> tuple[list[np.ndarray], list[int]]:
    """Rows of an echelon form modulo 2^k, each divided by its pivot, with the pivots' columns."""
    matrix = matrix % modulus
    rows, pivots = [], []
    while matrix.any():
        valuation = np.where(matrix == 0, modulus, matrix & -matrix)  # 2^v
        r, c = divmod(int(valuation.argmin()), matrix.shape[1])
        power = int(valuation[r, c])
        unit = pow(int(matrix[r, c]) // power, -1, modulus)
        row = (matrix[r] // power * unit) % modulus
        matrix = (matrix - (matrix[:, c : c + 1] // power) * (row * power)) % modulus
        matrix = matrix[matrix.any(axis=1)]
        rows.append(row)
        pivots.append(c)
    return rows, pivots
