"""How many features two seeds share, and in how many other seeds each feature comes back.

shared_ab      2 |matched pairs with score >= tau| / (features of a + features of b)
mmcs_ab        mean over live features of the score with the nearest of the other seed, both ways
               averaged (mean max cosine similarity, Sharkey et al. 2022)
mutual_ab      2 |pairs that are each other's nearest| / (features of a + features of b)
recurrence_af  in how many other seeds feature f of a is matched with score >= tau, 0 to K - 1

Dead features count among the features of a seed, and are shared by none; of different widths not
all can be shared. tau = .7 as in Paulo and Belrose 2025 (arXiv:2501.16615).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability.features.pairing import Pairing, matrix

TAU = 0.7


def shared_fraction(
    pairings: Sequence[Pairing], seeds: int, tau: float = TAU
) -> Float[Tensor, "seed seed"]:
    """Share of the features of two seeds that are matched with a score of at least tau, in [0, 1].

    Raises ValueError for a tau outside (0, 1].
    """
    _check(tau)
    return matrix(pairings, seeds, lambda p: 2 * int((p.score >= tau).sum()) / sum(p.widths))


def mmcs(pairings: Sequence[Pairing], seeds: int) -> Float[Tensor, "seed seed"]:
    """Mean score with the nearest feature of the other seed, in [-1, 1]; never below PW-MCC where
    widths agree and both are taken where they were fitted."""

    def both_ways(p: Pairing) -> float:
        return float(p.nearest_a.double().mean() + p.nearest_b.double().mean()) / 2

    return matrix(pairings, seeds, both_ways)


def mutual_nearest(pairings: Sequence[Pairing], seeds: int) -> Float[Tensor, "seed seed"]:
    """Share of the features of two seeds that are each other's nearest, in [0, 1]."""
    return matrix(pairings, seeds, lambda p: 2 * p.mutual / sum(p.widths))


def recurrence(
    pairings: Sequence[Pairing], widths: Sequence[int], tau: float = TAU
) -> tuple[Int[Tensor, "_"], ...]:
    """For each seed, in how many others each of its features is found; `widths` one a seed.

    Raises ValueError for a tau outside (0, 1].
    """
    _check(tau)
    found = tuple(torch.zeros(width, dtype=torch.int64) for width in widths)
    for p in pairings:
        same = p.score >= tau
        found[p.a][p.first[same]] += 1
        found[p.b][p.second[same]] += 1
    return found


def recurrence_histogram(
    counts: Sequence[Int[Tensor, "_"]],
) -> Float[Tensor, "others"]:
    """Share of all features, over all seeds, that come back in exactly 0, 1, ..., K - 1 others."""
    everyone = torch.cat(list(counts))
    return torch.bincount(everyone, minlength=len(counts)).double() / len(everyone)


def _check(tau: float) -> None:
    if not 0 < tau <= 1:
        raise ValueError(f"tau: wanted a number above 0 and up to 1, got {tau}")
