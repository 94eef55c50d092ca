"""What dictionaries that share nothing would score: rotated bases, random ones of equal covariance.

rotated basis    D V Q V^T with V [d, r] a basis of what the rows span and Q a random rotation of
                 it: every cosine within a dictionary stays, and the span, but no direction
random, same     rows drawn from a normal distribution with the second moments D^T D/m of the
covariance       dictionary: what matching makes of chance in a space of this shape

What a null scores depends on widths and dimension alone where moments are even: .516 for 64 rows in
16 dimensions, .126 for 4,096 in 768.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.symmetries.groups import Orthogonal

Set = Float[Tensor, "_ _"]  # [feature, d]; seeds may differ in width


def rotated_basis(dictionaries: Sequence[Set], generator: torch.Generator) -> tuple[Set, ...]:
    """Each dictionary in a random orthonormal basis of its own span, drawn anew for each seed."""
    return tuple(_rotated(each, generator) for each in dictionaries)


def random_same_covariance(
    dictionaries: Sequence[Set], generator: torch.Generator
) -> tuple[Set, ...]:
    """For each dictionary, as many normal rows with its second moments about zero."""
    return tuple(_random(each, generator) for each in dictionaries)


def _rotated(dictionary: Set, generator: torch.Generator) -> Set:
    d = dictionary.shape[1]
    rows = dictionary.double().cpu()
    moments, directions = torch.linalg.eigh(rows.T @ rows)
    # Widened halves are exact: their own epsilon would call real directions rounding.
    precision = torch.promote_types(dictionary.dtype, torch.float32)
    spanned = moments > d * torch.finfo(precision).eps * moments[-1]
    V = directions[:, spanned]
    Q = Orthogonal(V.shape[1]).sample(1, generator, torch.float64)[0]
    return (rows @ V @ Q @ V.T).to(dictionary)


def _random(dictionary: Set, generator: torch.Generator) -> Set:
    rows = dictionary.double().cpu()
    moments, directions = torch.linalg.eigh(rows.T @ rows / len(rows))
    root = moments.clamp(min=0.0).sqrt()[:, None] * directions.T
    noise = torch.randn(rows.shape, generator=generator, dtype=torch.float64)
    return (noise @ root).to(dictionary)
