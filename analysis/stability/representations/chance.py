"""Representations that share nothing by making: what a measure says of them is its null.

row permutation   each seed sees its inputs in an order of its own: its cloud of points stays, which
                  point is which input is lost. What is left is what the estimator gives to noise
rotated basis     each seed's features are turned at random: all that rotations don't change stays,
                  single features mean nothing any more. Only for measures that see the basis

Any measure of this room is asked as `measure(permuted_rows(x, generator))`.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.representations.given import Representations, checked
from interpretable_arch.symmetries.groups import Orthogonal


def permuted_rows(
    representations: Representations, generator: torch.Generator
) -> tuple[Float[Tensor, "input _"], ...]:
    """Each seed's rows in a random order of its own, drawn on the CPU."""
    seeds = checked(representations)
    return tuple(
        each[torch.randperm(len(each), generator=generator).to(each.device)] for each in seeds
    )


def rotated_basis(
    representations: Representations, generator: torch.Generator
) -> tuple[Float[Tensor, "input _"], ...]:
    """Each seed's features times a random orthogonal matrix of its own (Haar), about their mean.

    Cost: p^3 + n p^2 a seed.
    """
    found = []
    for each in checked(representations):
        mean = each.double().mean(0)
        turn = Orthogonal(each.shape[1]).sample(1, generator, torch.float64)[0]
        turned = (each.double() - mean) @ turn.to(each.device)
        found.append((turned + mean).to(each.dtype))
    return tuple(found)
