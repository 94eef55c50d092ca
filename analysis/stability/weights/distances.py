"""How far models trained apart are from each other once what changes nothing is taken away.

    d(i, j) = min( ||g theta_i - theta_j|| / ||theta_j||, ||g^-1 theta_j - theta_i|| / ||theta_i|| )

with g the element found by `align`. The two differ where the symmetry stretches (general linear
groups, scales), and the nearer is taken. About sqrt 2 for independent directions in many
dimensions with nothing aligned, 0 for copies of one model; an upper bound of the true minimum.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.alignment.descent import align
from interpretable_arch.alignment.objective import distance, distance_under, is_weight, widened
from interpretable_arch.symmetry import Element, Parameters, Symmetry


def raw_distances(parameters: Sequence[Parameters]) -> Float[Tensor, "seed seed"]:
    """The smaller of ||theta_i - theta_j|| / ||theta_j|| and the same the other way round.

    All pairs by one product of the stacked weights. Raises ValueError for no models.
    """
    if not parameters:
        raise ValueError("parameters: wanted at least one model, got none")
    names = [name for name, value in parameters[0].items() if is_weight(value)]
    if not names:
        return torch.zeros(len(parameters), len(parameters), dtype=torch.float64)
    rows = torch.stack([torch.cat([_flat(p[n]) for n in names]) for p in parameters])
    norms = rows.norm(dim=1)
    # Centred, so that the product loses nothing where models lie close together.
    gap = torch.cdist(rows - rows.mean(0), rows - rows.mean(0)).fill_diagonal_(0)
    larger = torch.maximum(norms[:, None], norms[None])
    return torch.where(gap > 0, gap / larger, 0.0)


def quotient_distances(
    parameters: Sequence[Parameters],
    symmetry: Symmetry,
    *,
    restarts: int = 1,
    generator: torch.Generator | None = None,
    worth: float = 1e-3,
    carried: Sequence[Element] | None = None,
) -> Float[Tensor, "seed seed"]:
    """d(i, j) for all pairs; symmetric, zero on the diagonal. K(K-1)/2 alignments.

    `carried` are elements that bring each model near all others (a `barycentre`): then each pair
    starts from these alone. Otherwise from the starts of `align`. Raises ValueError for no models
    or models of different shapes.
    """
    if not parameters:
        raise ValueError("parameters: wanted at least one model, got none")
    if carried is not None and len(carried) != len(parameters):
        raise ValueError(f"carried: wanted one a model, {len(parameters)}, got {len(carried)}")
    generator = generator or torch.Generator().manual_seed(0)
    parameters = [widened(each) for each in parameters]
    count = len(parameters)
    found = torch.zeros(count, count, dtype=torch.float64)
    for i in range(count):
        for j in range(i + 1, count):
            starts = None
            if carried is not None:
                through = (*carried[i], *symmetry.inverse(carried[j]))
                starts = [("through the middle", through)]
            pair = align(
                parameters[i],
                parameters[j],
                symmetry,
                restarts=restarts,
                generator=generator,
                worth=worth,
                starts=starts,
            )
            back = symmetry.inverse(pair.element)
            other = distance_under(back, parameters[j], parameters[i], symmetry)
            plain = (distance(parameters[i], parameters[j]), distance(parameters[j], parameters[i]))
            nearest = min(d for d in (pair.distance, other, *plain) if not math.isnan(d))
            found[i, j] = found[j, i] = nearest
    return found


def _flat(value: Tensor) -> Tensor:
    return (torch.view_as_real(value) if value.is_complex() else value).double().flatten()
