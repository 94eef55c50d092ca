"""Several models carried to one another: each to the mean of the others, until nothing moves.

    min over g_2..g_K of sum_i ||g_i theta_i - m||^2,   m = (1/K) sum_i g_i theta_i,   g_1 = 1

Generalised Procrustes analysis (Gower 1975) over the declared symmetry; for permutations this is
MergeMany of Ainsworth et al. 2023 (arXiv:2209.04836). The first model stays: a symmetry moves all
models together without changing anything, and where it can shrink them, the one that stays keeps
the others from shrinking too. A local optimum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.alignment.descent import align
from interpretable_arch.alignment.objective import distance, widened
from interpretable_arch.symmetry import Element, Parameters, Symmetry
from training.combine.average import mean_weights

ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Barycentre:
    """`elements` carry each model to the mean; `merged` is the mean of the carried models, and
    `distances` how far each lies from it, relative to its size.

    Whole numbers in `merged` are the first model's. A mean of parameters kept to a curved set, such
    as unitary matrices, is off that set: `training.combine.average.carry_back` retracts it.
    """

    elements: tuple[Element, ...]
    carried: tuple[Parameters, ...]
    merged: Parameters
    distances: tuple[float, ...]


def barycentre(
    parameters: Sequence[Parameters],
    symmetry: Symmetry,
    *,
    rounds: int = ROUNDS,
    restarts: int = 2,
    generator: torch.Generator | None = None,
    worth: float = 1e-4,
    exact: float | None = None,
) -> Barycentre:
    """Carry every model to the first, then in turn to the mean of the others, at most `rounds`
    times over. `worth` and `exact` are as for `align`: with an infinite `exact` the first start is
    the only one. Raises ValueError for no models or models of different shapes.
    """
    if not parameters:
        raise ValueError("parameters: wanted at least one model, got none")
    parameters = [widened(each) for each in parameters]
    generator = generator or torch.Generator().manual_seed(0)
    first = parameters[0]
    elements: list[Element] = [()]
    for other in parameters[1:]:
        found = align(
            other,
            first,
            symmetry,
            restarts=restarts,
            generator=generator,
            worth=worth,
            exact=exact,
        )
        elements.append(found.element)
    carried = [symmetry.act(g, p) for g, p in zip(elements, parameters, strict=True)]
    for _ in range(rounds if len(parameters) > 2 else 0):
        if not _round(carried, elements, symmetry, worth):
            break
    merged = mean_weights(carried, None)
    return Barycentre(
        tuple(elements), tuple(carried), merged, tuple(distance(p, merged) for p in carried)
    )


def _round(
    carried: list[dict[str, Tensor]], elements: list[Element], symmetry: Symmetry, worth: float
) -> bool:
    """Each but the first to the mean of the others; whether any of them moved."""
    moved = False
    for i in range(1, len(carried)):
        others = mean_weights([p for j, p in enumerate(carried) if j != i], None)
        starts = [("as it is", ())]
        found = align(carried[i], others, symmetry, starts=starts, worth=worth)
        if found.element:
            carried[i] = symmetry.act(found.element, carried[i])
            elements[i] = (*elements[i], *found.element)
            moved = True
    return moved
