"""Debiased linear CKA of all pairs with each block of inputs left out, for the price of two.

Leaving inputs b out of n takes from tr(AB) the rows and columns of b, and from each row sum of a
Gram what it holds in b. With S_b = sum over i in b, all j of A_ij B_ij, W_b the same over j in b,
and s - s_b the sum of the inputs that are left:

    tr(AB) - 2 S_b + W_b        r_i = x_i . (s - s_b) - |x_i|^2   for i that is left

which are all that HSIC_1 asks for (see `cka`). The rows of the Grams are gone through once.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.estimates.two_way import BLOCKS, input_blocks
from analysis.stability.representations.cka import (
    LEAST_INPUTS,
    STRIP,
    grams,
    normalised,
    products,
    scaled,
)
from analysis.stability.representations.given import Representations, checked, is_constant


def cka_left_out(
    representations: Representations, *, blocks: int = BLOCKS
) -> Float[Tensor, "block seed seed"]:
    """CKA in [-1, 1] of all pairs on all inputs but each block's, blocks as of `input_blocks`.

    Exact: no part of the inputs stands for the whole. A seed that doesn't vary over the inputs that
    are left is NaN. Cost n^2 (K p + K^2) multiplications, 64 K n numbers of memory. Raises
    ValueError on fewer than eight inputs and what `given.checked` refuses.
    """
    seeds = [scaled(each) for each in checked(representations, least=2 * LEAST_INPUTS)]
    of_block = input_blocks(len(seeds[0]), blocks)
    rows = [_products_of_rows(seeds, int(block[0]), int(block[-1]) + 1) for block in of_block]
    trace = torch.stack([whole for whole, _ in rows]).sum(0)
    found = []
    for block, (whole, inside) in zip(of_block, rows, strict=True):
        left = [torch.cat([x[: block[0]], x[block[-1] + 1 :]]) for x in seeds]
        hsic = trace - 2 * whole + inside + _from_row_sums(left)
        hsic[[seed for seed, each in enumerate(left) if is_constant(each)]] = math.nan
        found.append(normalised(((hsic + hsic.T) / 2).cpu()))
    return torch.stack(found)


def _products_of_rows(
    seeds: list[Float[Tensor, "input _"]], first: int, end: int
) -> tuple[Float[Tensor, "seed seed"], Float[Tensor, "seed seed"]]:
    """Inner products of rows `first` to `end` of all Grams without diagonals, S_b, and of those
    rows' own columns alone, W_b."""
    whole = seeds[0].new_zeros(len(seeds), len(seeds), dtype=torch.float64)
    inside = torch.zeros_like(whole)
    for start in range(first, end, STRIP):
        here = slice(start, min(start + STRIP, end))
        strip = grams([(x[here], x) for x in seeds])
        strip.diagonal(offset=start, dim1=1, dim2=2).zero_()
        whole += products(strip)
        inside += products(strip[:, :, first:end])
    return whole, inside


def _from_row_sums(left: list[Float[Tensor, "input _"]]) -> Float[Tensor, "seed seed"]:
    """1A1 1B1/((m-1)(m-2)) - 2 1AB1/(m-2) of the inputs that are left."""
    m = len(left[0])
    wide = [x.double() for x in left]
    sums = torch.stack([x @ x.sum(0) - x.square().sum(1) for x in wide])
    whole = sums.sum(1)
    return torch.outer(whole, whole) / ((m - 1) * (m - 2)) - 2 * sums @ sums.T / (m - 2)
