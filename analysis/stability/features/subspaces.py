"""Do two sets of features span the same subspace, whichever features they are?

    overlap = ||V_a^T V_b||_F^2 / r = mean cos^2 of the r principal angles, in [0, 1]

V [d, r] holds the r leading principal directions (no mean removed) of the unit rows. Two random
r-dimensional subspaces of d dimensions overlap by r/d in the mean. Features that are found by one
seed only often span what the others' span: beside the share of unshared features stands the overlap
of their spans. Principal angles: Bjorck and Golub 1973.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analysis.stability.features.directions import Directions
from analysis.stability.features.pairing import Pairing


def overlap(first: Float[Tensor, "one d"], second: Float[Tensor, "other d"], rank: int) -> float:
    """Mean squared cosine of the principal angles of the leading `rank` directions, in [0, 1].

    1: the same subspace; rank/d in the mean for random ones. Raises ValueError unless
    1 <= rank <= d and either set spans as many dimensions.
    """
    bases = [leading(rows, rank) for rows in (first, second)]
    return float((bases[0].T @ bases[1]).square().sum()) / rank


def leading(rows: Float[Tensor, "feature d"], rank: int) -> Float[Tensor, "d rank"]:
    """The orthonormal directions of largest second moment of the rows; d^3 work, float64."""
    d = rows.shape[1]
    if not 1 <= rank <= min(rows.shape):
        raise ValueError(f"rank: wanted 1 to {min(rows.shape)}, got {rank}")
    rows = rows.double()
    moments, directions = torch.linalg.eigh(rows.T @ rows)
    spans = int((moments > d * torch.finfo(torch.float64).eps * moments[-1]).sum())
    if spans < rank:
        raise ValueError(f"rank: wanted at most {spans}, what the rows span, got {rank}")
    return directions[:, d - rank :]


def unshared(
    pairing: Pairing, dictionaries: tuple[Directions, Directions], tau: float
) -> tuple[Float[Tensor, "one d"], Float[Tensor, "other d"]]:
    """The live rows of the two seeds that are not matched at tau or above."""
    same = pairing.score >= tau
    taken = (pairing.first[same], pairing.second[same])
    first, second = (
        each.rows[_others(each, numbers)] for each, numbers in zip(dictionaries, taken, strict=True)
    )
    return first, second


def _others(dictionary: Directions, taken: Int[Tensor, "taken"]) -> Bool[Tensor, "live"]:
    whole = torch.ones(dictionary.width, dtype=torch.bool)
    whole[taken] = False
    return whole[dictionary.live]
