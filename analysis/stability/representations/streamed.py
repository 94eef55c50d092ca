"""Debiased linear CKA of more inputs than fit in memory, batch by batch.

Exact, in one pass. Diagonals zeroed, a_ij = x_i.x_j, s_i = |x_i|^2, t_i = |y_i|^2, x = sum_i x_i:

    tr(AB)  = |X^T Y|^2 - s.t
    1 A 1   = |x|^2 - sum_i s_i
    1 AB 1  = sum_i (x_i.x - s_i)(y_i.y - t_i) = x^T X^T Y y - x^T X^T t - y^T Y^T s + s.t

All of it lies in ONE matrix, the sum over batches of W^T W with W = [X_1 ... X_K, s_1 ... s_K, 1].
HSIC_1 doesn't see a shift, CKA no scale: a seed's shift is taken from its first batch, its scale
from the first in which it varies, so that the terms that cancel stay small. Nothing is estimated
from parts: it is the CKA of all n inputs.

By minibatch, where the widths' sum P is large: HSIC_1 of each batch, averaged, then divided (Nguyen
et al. 2021, arXiv:2010.15327). Batches count alike; the estimate is of the same quantity, with more
spread (batches of m: only n m of n^2 pairs of inputs are looked at).

Cost for n inputs, K seeds of P features in all: exact n (P + K)^2 multiplications and (P + K)^2
numbers kept; by batches of m: n m (P + K^2)/2 and 64 K m. HSIC_1: Song et al. 2012.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.representations.cka import LEAST_INPUTS, Stacked, hsic, normalised
from analysis.stability.representations.given import ROUNDING, Representations, checked

WIDEST = 16_384  # features of all seeds together: a matrix of 2 GB
CONSTANT = 1e-13  # HSIC of a representation, against the size of the terms it is what is left of


@dataclass(frozen=True)
class _Frame:
    """Each seed's shift, from the first batch, and columns; its scale, 0 until it has varied."""

    shifts: tuple[Tensor, ...]
    scales: tuple[float, ...]
    owner: Float[Tensor, "feature seed"]


class StreamedCKA:
    """Exact debiased linear CKA of all inputs seen, from sums over them in float64."""

    def __init__(self) -> None:
        self.inputs = 0
        self._frame: _Frame | None = None
        self._moments = torch.zeros(0, 0, dtype=torch.float64)

    def update(self, batch: Representations) -> None:
        """Add the next inputs, [seed, b, p] or one [b, feature] a seed.

        Raises ValueError for other seeds or widths than before, for widths that sum to more than
        16,384 (`MinibatchCKA` has no such limit), and what `given.checked` refuses; then nothing
        has been added.
        """
        seeds = [each.double() for each in checked(batch, least=1)]
        widths = [each.shape[1] for each in seeds]
        if self._frame is None:
            if sum(widths) > WIDEST:
                raise ValueError(f"batch: wanted widths of at most {WIDEST} in all, got {widths}")
            self._frame = _frame(seeds)
            size = sum(widths) + len(widths) + 1
            self._moments = seeds[0].new_zeros(size, size)
        before = [len(shift) for shift in self._frame.shifts]
        if widths != before:
            raise ValueError(f"batch: wanted seeds of widths {before}, got {widths}")
        self._frame, moved = _placed(self._frame, seeds)
        sizes = torch.stack([x.square().sum(1) for x in moved], 1)
        rows = torch.cat([*moved, sizes, torch.ones_like(sizes[:, :1])], 1)
        self._moments += rows.T @ rows
        self.inputs += len(rows)

    def result(self) -> Float[Tensor, "seed seed"]:
        """CKA in [-1, 1] of all pairs; NaN for a seed that was constant.

        Equals the debiased CKA of all inputs in memory, to rounding. Raises ValueError on fewer
        than four inputs.
        """
        _check_inputs(self.inputs)
        assert self._frame is not None
        owner, moments, n = self._frame.owner, self._moments, self.inputs
        features = len(owner)
        cross, by_size = moments[:features, :features], moments[:features, features:-1]
        total = owner * moments[:features, -1:]
        sizes, size_sums = moments[features:-1, features:-1], moments[features:-1, -1]
        trace = owner.T @ cross.square() @ owner - sizes
        whole = total.square().sum(0) - size_sums
        mixed = total.T @ by_size
        chained = total.T @ cross @ total - mixed - mixed.T + sizes
        found = trace + torch.outer(whole, whole) / ((n - 1) * (n - 2)) - 2 * chained / (n - 2)
        least = CONSTANT * (owner.T @ cross.square() @ owner).diagonal()
        found[found.diagonal() <= least] = math.nan
        return normalised(found.cpu())


class MinibatchCKA:
    """Debiased linear CKA by HSIC_1 averaged over batches: an estimate, for any width."""

    def __init__(self) -> None:
        self.batches = 0
        self._total = torch.zeros(0, 0, dtype=torch.float64)
        self._frame: _Frame | None = None

    def update(self, batch: Representations) -> None:
        """Add one batch of at least four inputs; batches count alike, so keep their sizes alike.

        Raises ValueError for other seeds or widths than before and what `given.checked` refuses.
        """
        seeds = checked(batch, least=LEAST_INPUTS)
        if self._frame is None:
            self._frame = _frame([each.double() for each in seeds])
            self._total = torch.zeros(len(seeds), len(seeds), dtype=torch.float64)
        widths, before = [x.shape[1] for x in seeds], [len(x) for x in self._frame.shifts]
        if widths != before:
            raise ValueError(f"batch: wanted seeds of widths {before}, got {widths}")
        self._frame, moved = _placed(self._frame, seeds)
        rows = [y.to(x.dtype) for x, y in zip(seeds, moved, strict=True)]
        self._total += hsic(Stacked.of(rows, scale=False))
        self.batches += 1

    def result(self) -> Float[Tensor, "seed seed"]:
        """CKA in [-1, 1] of all pairs; NaN where HSIC(X, X) is not positive, as of a constant."""
        _check_inputs(self.batches * LEAST_INPUTS)
        found = self._total.clone()
        found[found.diagonal() <= 0] = math.nan
        return normalised(found)


def _frame(seeds: Sequence[Float[Tensor, "input _"]]) -> _Frame:
    shifts = [x.mean(0) for x in seeds]
    blocks = [torch.ones_like(shift)[:, None] for shift in shifts]
    return _Frame(tuple(shifts), (0.0,) * len(shifts), torch.block_diag(*blocks))


def _placed(
    frame: _Frame, seeds: Sequence[Float[Tensor, "input _"]]
) -> tuple[_Frame, list[Float[Tensor, "input _"]]]:
    """The frame, with scales for seeds that vary here for the first time, and the batch in it.

    What came before lay at the shift, to rounding, and was added as zeros: right in any scale.
    """
    scales, moved = [], []
    for x, shift, scale in zip(seeds, frame.shifts, frame.scales, strict=True):
        apart = x.double() - shift
        varies = bool((apart.abs() > ROUNDING * torch.finfo(x.dtype).eps * x.abs()).any())
        scale = scale or (float(apart.abs().max()) if varies else 0.0)
        scales.append(scale)
        moved.append(apart / scale if scale else torch.zeros_like(apart))
    return replace(frame, scales=tuple(scales)), moved


def _check_inputs(inputs: int) -> None:
    if inputs < LEAST_INPUTS:
        raise ValueError(f"inputs: wanted at least {LEAST_INPUTS} before a result, got {inputs}")
