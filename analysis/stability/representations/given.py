"""K seeds' representations as they are given: one [input, feature] a seed, on the same inputs.

A tensor [seed, input, feature], or a sequence of [input, feature] whose widths may differ. Every
measure of this room starts here, so that a mistake is named the same way everywhere.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Representations = Float[Tensor, "seed input feature"] | Sequence[Float[Tensor, "_ _"]]
ROUNDING = 8  # in units of the precision's epsilon: what a constant may vary by
PIECE = 8192  # inputs looked at at once, so that a memory-mapped file need not fit in memory


def checked(representations: Representations, least: int = 2) -> tuple[Tensor, ...]:
    """One detached [input, feature] a seed, in float32 or finer; half precision is widened.

    Raises ValueError for no seeds, other shapes, other numbers of inputs, fewer than `least`
    inputs, numbers that are not real floats or not finite: it says of which seed, at which input.
    """
    if isinstance(representations, Tensor) and representations.ndim != 3:
        got = tuple(representations.shape)
        raise ValueError(f"representations: wanted seed x input x feature, got shape {got}")
    seeds = [each.detach() for each in representations]
    if not seeds:
        raise ValueError("representations: wanted at least one seed, got none")
    finite = isinstance(representations, Tensor) and bool(representations.sum().isfinite())
    for seed, each in enumerate(seeds):
        _check_one(seed, each, len(seeds[0]), finite)
    if len(seeds[0]) < least:
        raise ValueError(f"representations: wanted at least {least} inputs, got {len(seeds[0])}")
    widest = torch.float32
    for each in seeds:
        widest = torch.promote_types(widest, each.dtype)
    return tuple(each.to(widest) for each in seeds)


def first_bad_input(representation: Float[Tensor, "input feature"]) -> int | None:
    """The first input at which a number is not finite; None where all are."""
    for number, piece in enumerate(representation.split(PIECE)):
        if bool(piece.sum().isfinite()):  # but sums of finite numbers may be infinite
            continue
        bad = torch.nonzero(~piece.isfinite().all(1)).flatten()
        if len(bad):
            return number * PIECE + int(bad[0])
    return None


def constant_seeds(representations: Representations) -> tuple[int, ...]:
    """Seeds whose representation is the same for every input, to rounding: nothing to compare."""
    return tuple(seed for seed, each in enumerate(checked(representations)) if is_constant(each))


def is_constant(representation: Float[Tensor, "input feature"]) -> bool:
    """Whether all inputs are represented alike: each feature to rounding of its own largest value.

    In float32 at the coarsest: what is stored in half precision is as exact as it is stored.
    """
    precision = torch.promote_types(representation.dtype, torch.float32)
    pieces, first = representation.split(PIECE), representation[:1].to(precision)
    least = ROUNDING * torch.finfo(precision).eps
    most = max(float(end.abs()) for piece in pieces for end in piece.aminmax())
    if bool(((representation[-1] - first).abs() > least * most).any()):
        return False  # so it is for most, and each feature need not be looked at
    largest = torch.stack([piece.abs().amax(0) for piece in pieces]).amax(0).to(precision)
    return all(bool(((x.to(precision) - first).abs() <= least * largest).all()) for x in pieces)


def unit_size(
    representation: Float[Tensor, "input feature"],
) -> Float[Tensor, "input feature"]:
    """Centred over inputs, Frobenius norm 1, in float64; NaN where constant."""
    if is_constant(representation):
        return torch.full_like(representation, torch.nan, dtype=torch.float64)
    x = representation.double()
    x = x - x.mean(0)
    # By the largest first: squares of very large or small numbers leave the range of float64.
    x = x / x.abs().max()
    return x / x.norm()


def padded(matrices: Sequence[Float[Tensor, "_ _"]]) -> Float[Tensor, "seed input widest"]:
    """The matrices side by side, each filled up with columns of zeros to the widest."""
    widest = max(each.shape[1] for each in matrices)
    fill = torch.nn.functional.pad
    return torch.stack([fill(each, (0, widest - each.shape[1])) for each in matrices])


def _check_one(seed: int, given: Tensor, inputs: int, finite: bool) -> None:
    if given.ndim != 2 or 0 in given.shape:
        got = f"shape {tuple(given.shape)} of seed {seed}"
        raise ValueError(f"representations: wanted input x feature a seed, got {got}")
    if not given.is_floating_point():
        got = f"{given.dtype} of seed {seed}"
        raise ValueError(f"representations: wanted real floats, got {got}")
    if len(given) != inputs:
        got = f"{inputs} of seed 0 and {len(given)} of seed {seed}"
        raise ValueError(f"representations: wanted as many inputs of each seed, got {got}")
    bad = None if finite else first_bad_input(given)
    if bad is not None:
        got = f"{given[bad][~given[bad].isfinite()][0]} from seed {seed} at input {bad}"
        raise ValueError(f"representations: wanted finite numbers, got {got}")
