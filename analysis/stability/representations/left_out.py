"""Debiased linear CKA of all pairs with each block of inputs left out, for the price of two.

Leaving inputs b out of n takes from tr(AB) the rows and columns of b, and from each row sum of a
Gram what it holds in b. With S_b = sum over i in b, all j of A_ij B_ij, W_b the same over j in b,
and s - s_b the sum of the inputs that are left:

    tr(AB) - 2 S_b + W_b        r_i = x_i . (s - s_b) - |x_i|^2   for i that is left

which are all that HSIC_1 asks for (see `cka`). The rows of the Grams are gone through once.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analysis.stability.estimates.two_way import BLOCKS, input_blocks
from analysis.stability.representations.cka import (
    LEAST_INPUTS,
    STRIP,
    Stacked,
    normalised,
    products,
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
    seeds = checked(representations, least=2 * LEAST_INPUTS)
    x, of_block = Stacked.of(seeds), input_blocks(len(seeds[0]), blocks)
    rows = [_products_of_rows(x, int(block[0]), int(block[-1]) + 1) for block in of_block]
    trace = torch.stack([whole for whole, _ in rows]).sum(0)
    found = []
    for block, (whole, inside) in zip(of_block, rows, strict=True):
        kept = torch.ones(x.inputs, dtype=torch.bool)
        kept[block] = False
        hsic = x.unstacked(trace - 2 * whole + inside + _from_row_sums(x, kept)).cpu()
        constant = [seed for seed, each in enumerate(seeds) if is_constant(each[kept])]
        hsic[constant] = math.nan
        found.append(normalised((hsic + hsic.T) / 2))
    return torch.stack(found)


def _products_of_rows(
    x: Stacked, first: int, end: int
) -> tuple[Float[Tensor, "seed seed"], Float[Tensor, "seed seed"]]:
    """Inner products of rows `first` to `end` of all Grams without diagonals, S_b, and of those
    rows' own columns alone, W_b."""
    count = len(x.order)
    whole = x.groups[0].new_zeros(count, count, dtype=torch.float64)
    inside = torch.zeros_like(whole)
    for start in range(first, end, STRIP):
        strip = x.grams(slice(start, min(start + STRIP, end)), slice(None))
        strip.diagonal(offset=start, dim1=1, dim2=2).zero_()
        whole += products(strip)
        inside += products(strip[:, :, first:end])
    return whole, inside


def _from_row_sums(x: Stacked, kept: Bool[Tensor, "input"]) -> Float[Tensor, "seed seed"]:
    """1A1 1B1/((m-1)(m-2)) - 2 1AB1/(m-2) of the inputs that are kept."""
    m = int(kept.sum())
    wide = [group[:, kept].double() for group in x.groups]
    sums = [(each @ each.sum(1)[:, :, None])[:, :, 0] - each.square().sum(2) for each in wide]
    of_row = torch.cat(sums)
    whole = of_row.sum(1)
    return torch.outer(whole, whole) / ((m - 1) * (m - 2)) - 2 * of_row @ of_row.T / (m - 2)
