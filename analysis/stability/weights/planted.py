"""Would alignment find it? The share of planted elements of the symmetry that are recovered.

A model is carried off by a random element (and blurred, if asked), and alignment is to bring it
back. Failed alignment looks like diversity, so a quotient distance is worth what this score of the
same architecture, at the same weights, is worth.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from analysis.stability.estimates.intervals import Interval, clopper_pearson
from interpretable_arch.alignment.descent import align
from interpretable_arch.alignment.objective import distance_under, gaps, widened
from interpretable_arch.symmetry import Element, Parameters, Symmetry

CLOSE = 1e-6  # rounding, and where a descent stops; two units exchanged are .01 or more
SHORT = 0.02  # by which a descent to noisy copies may stop short of the bottom


def planted_recovery(
    symmetry: Symmetry,
    make: Callable[[int], Parameters],
    *,
    trials: int = 50,
    generator: torch.Generator | None = None,
    noise: float = 0.0,
    restarts: int = 2,
) -> Interval:
    """The share of trials, `make(trial)` giving the weights, in which the planted element is found.

    Found means: what alignment makes of the original is no further from the copy than what the
    planted element makes of it, so that elements which do the same count as one, up to rounding and
    2% of that distance. Without noise distances are root mean squares over the tensors that the
    symmetry moves, each in units of its own size: beside one large tensor, a wrong order of the
    units of a small one would be no distance at all. With noise the distance is the one that
    alignment makes small, of all weights together. `noise` is the standard deviation of what is
    added to the copy, in units of each tensor's own root mean square. Clopper-Pearson interval.
    Raises ValueError for no trials.
    """
    if trials < 1:
        raise ValueError(f"trials: wanted 1 or more, got {trials}")
    generator = generator or torch.Generator().manual_seed(0)
    found = 0
    for trial in range(trials):
        here = widened(make(trial))
        planted = symmetry.sample(generator, torch.float64)
        copy = {n: _blurred(v, noise, generator) for n, v in symmetry.act(planted, here).items()}
        # Of a copy without noise, no distance but that of rounding ends the search early.
        exact = (1 + SHORT) * distance_under(planted, here, copy, symmetry) if noise else None
        aligned = align(here, copy, symmetry, restarts=restarts, generator=generator, exact=exact)
        # With noise the search has its own distance to make small, and is judged by that.
        apart = distance_under if noise else _apart
        enough = (1 + SHORT) * apart(planted, here, copy, symmetry) + CLOSE
        found += apart(aligned.element, here, copy, symmetry) <= enough
    return clopper_pearson(found, trials)


def _apart(element: Element, here: Parameters, copy: Parameters, symmetry: Symmetry) -> float:
    """Root mean square, over the tensors that factors move, of the distance relative to each."""
    names = {action.parameter for factor in symmetry.factors for action in factor.actions}
    moved = gaps(symmetry.act(element, here), copy, names)
    whole = gaps({n: torch.zeros_like(copy[n]) for n in names}, copy, names)
    shares = [moved[n] / whole[n] for n in names if whole[n] > 0]
    return math.sqrt(math.fsum(shares) / len(shares)) if shares else 0.0


def _blurred(value: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    if not noise or not value.is_floating_point():
        return value
    drawn = torch.randn(value.shape, generator=generator, dtype=value.dtype)
    return value + noise * value.square().mean().sqrt() * drawn
