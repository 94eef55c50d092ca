"""How much the representations differ: linear centred kernel alignment (CKA) of all pairs.

    CKA(X, Y) = HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)),   A = X X^T, B = Y Y^T over m inputs

biased    HSIC_0 = tr(H A H B), H = I - 11^T/m. CKA in [0, 1]; p/(m+p) for independent Gaussians, so
          it says little where the p features are not few against the m inputs.
debiased  HSIC_1 = [tr(AB) + 1A1 1B1/((m-1)(m-2)) - 2 1AB1/(m-2)] / (m(m-3)), zeroed diagonals.
          CKA in [-1, 1]; 0 in expectation for independent representations.

HSIC_1 is the inner product of U-centred Grams over m(m-3) (Szekely and Rizzo 2014), so both
estimators for all K(K-1)/2 pairs are ONE matrix product of stacked Grams. Of centred X the rows of
A sum to nothing, so that 1A1 and 1AB1 need the diagonals only. CKA: Kornblith et
al. 2019, arXiv:1905.00414; HSIC_1: Song et al. 2012; debiased and by minibatch (average the terms,
then divide): Nguyen et al. 2021, arXiv:2010.15327. CKA doesn't see orthogonal maps, one scale, or a
shift of the features.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability.representations.given import (
    ROUNDING,
    Representations,
    checked,
    constant_seeds,
    is_constant,
)

__all__ = ["LEAST_INPUTS", "Stacked", "cka", "constant_seeds", "hsic", "normalised", "products"]

LEAST_INPUTS = 4  # HSIC_1 divides by m - 3
STRIP = 64  # inputs whose Grams are held at once: near the cores, and K n numbers each
HALF = 2**-0.5


@dataclass(frozen=True, eq=False)
class Stacked:
    """Seeds centred over inputs, those of one width side by side, so that one call makes all Grams.

    order  places of the stacked seeds in the order they were given
    flat   seeds that may be constant: the others vary for certain, and need not be looked at
    """

    groups: tuple[Float[Tensor, "_ input _"], ...]
    order: Int[Tensor, "seed"]
    flat: tuple[int, ...] = ()

    @classmethod
    def of(cls, seeds: Sequence[Float[Tensor, "input _"]], *, scale: bool = True) -> "Stacked":
        """Copies of the seeds, centred; by `scale` brought to 1 at most, as float32 overflows else.

        Left as they are, HSIC of several batches may be added up.
        """
        widths = torch.tensor([each.shape[1] for each in seeds])
        order, groups, flat = widths.argsort(stable=True), [], []
        for width in widths.unique():
            places = [n for n in order.tolist() if widths[n] == width]
            group = torch.stack([seeds[n] for n in places])
            first, limits = group[:, 0].abs().amax(1), torch.finfo(group.dtype)
            group -= group.mean(1, keepdim=True)
            largest = torch.maximum(-group.amin((1, 2)), group.amax((1, 2)))
            if scale:
                group /= largest.clamp(min=limits.tiny)[:, None, None]
            groups.append(group)
            # A constant is within 2 ROUNDING eps of its mean, and its values near the first.
            near = largest <= 4 * ROUNDING * limits.eps * (first + 2 * largest)
            flat += [n for n, is_near in zip(places, near.tolist(), strict=True) if is_near]
        return cls(tuple(groups), order, tuple(flat))

    @property
    def inputs(self) -> int:
        """How many inputs each seed has."""
        return self.groups[0].shape[1]

    def at(self, inputs: Int[Tensor, "few"]) -> "Stacked":
        """The same seeds at these inputs, centred over them."""
        few = [group[:, inputs] for group in self.groups]
        return Stacked(tuple(each - each.mean(1, keepdim=True) for each in few), self.order)

    def grams(self, here: slice, there: slice) -> Float[Tensor, "seed here there"]:
        """Inner products of two ranges of inputs, of every seed, in the order they are stacked."""
        rows = [len(range(*each.indices(self.inputs))) for each in (here, there)]
        found = self.groups[0].new_empty(len(self.order), *rows)
        ends = found.split([len(group) for group in self.groups])
        for group, gram in zip(self.groups, ends, strict=True):
            torch.bmm(group[:, here], group[:, there].mT, out=gram)
        return found

    def unstacked(self, matrix: Float[Tensor, "seed seed"]) -> Float[Tensor, "seed seed"]:
        """The matrix of stacked seeds in the order in which they were given."""
        back = self.order.argsort().to(matrix.device)
        return matrix[back][:, back]


def cka(
    representations: Representations, *, debiased: bool = True, batch: int = 1024
) -> Float[Tensor, "seed seed"]:
    """Linear CKA of all pairs of seeds on the same inputs, worked out in the precision given.

    Widths may differ between seeds. More than `batch` inputs are split at random (always the same
    way) into parts of nearly equal size, HSIC averaged over the parts. A constant representation
    has no CKA: its row and column are NaN. Cost, for K seeds, n inputs, m = min(n, batch):
    n m (K p + K^2)/2 multiplications, 64 K m numbers of memory. Raises ValueError on fewer than
    four inputs, batches of fewer than eight, and what `given.checked` refuses.
    """
    if batch < 2 * LEAST_INPUTS:
        raise ValueError(f"batch: wanted at least 8 inputs, got {batch}")
    seeds = checked(representations, least=LEAST_INPUTS)
    inputs = len(seeds[0])
    stacked = Stacked.of(seeds)
    order = torch.randperm(inputs, generator=torch.Generator().manual_seed(0))
    parts = order.to(seeds[0].device).tensor_split(math.ceil(inputs / batch))
    total = torch.zeros(len(seeds), len(seeds), dtype=torch.float64)
    for part in parts:
        total += hsic(stacked if len(parts) == 1 else stacked.at(part), debiased)
    total[[seed for seed in stacked.flat if is_constant(seeds[seed])]] = math.nan
    return normalised(total)


def hsic(x: Stacked, debiased: bool = True) -> Float[Tensor, "seed seed"]:
    """HSIC_1 (or HSIC_0) of all pairs over m(m-3), in float64 on the CPU: one product of Grams.

    The debiased one is unbiased for its expectation, so means over batches are too. Grams are
    symmetric and are worked out a strip of inputs at a time, on and above the diagonal only.
    """
    m, total, sizes = x.inputs, 0.0, []
    for strip, own in _strips(x):
        if debiased:
            sizes.append(own.diagonal(dim1=1, dim2=2).to(torch.float64, copy=True))
            own.diagonal(dim1=1, dim2=2).zero_()
        own *= HALF  # what lies above the diagonal counts twice
        total = total + 2 * products(strip)
    assert isinstance(total, Tensor)
    if debiased:
        # The rows of a centred Gram sum to nothing: with no diagonal, to minus the diagonal.
        size = torch.cat(sizes, 1)
        whole = size.sum(1)
        total += torch.outer(whole, whole) / ((m - 1) * (m - 2)) - 2 * size @ size.T / (m - 2)
    return x.unstacked((total + total.T) / (2 * m * (m - 3))).cpu()


def _strips(x: Stacked) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of all Grams from the diagonal on, a strip at a time, and a view of its own columns."""
    for start in range(0, x.inputs, STRIP):
        strip = x.grams(slice(start, start + STRIP), slice(start, None))
        yield strip, strip[:, :, : strip.shape[1]]


def normalised(hsic: Float[Tensor, "seed seed"]) -> Float[Tensor, "seed seed"]:
    """HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)), cut to [-1, 1] for rounding's sake."""
    norm = hsic.diagonal().sqrt()
    return (hsic / (norm[:, None] * norm[None, :])).clamp(-1.0, 1.0)


def products(grams: Float[Tensor, "seed here there"]) -> Float[Tensor, "seed seed"]:
    """Inner products of the Grams of all pairs of seeds, in float64."""
    flat = grams.flatten(1)
    if grams.shape[1] % 2:
        return (flat @ flat.T).double()
    halves = flat.unflatten(1, (2, -1)).transpose(0, 1)  # a core each: faster than long rows
    return torch.bmm(halves, halves.mT).sum(0).double()
