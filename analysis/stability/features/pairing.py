"""The features of every two seeds, matched: what all measures of feature stability are made of.

For two seeds, one product of unit rows gives who is matched with whom (`assignment`), who is whose
nearest, and how alike they are. Matching fits noise: on activations it is fitted on one half of the
inputs and every score is taken on the other half (`split_half`). Dictionaries have no halves;
beside them stand nulls.

    pwmcc_ab = mean over matched pairs of the cosine (the pairwise mean correlation coefficient,
               Song et al. 2025, arXiv:2505.20254; matched as in Paulo and Belrose 2025,
               arXiv:2501.16615)

min(live a, live b) features are matched. A dead feature takes no part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability.features.assignment import BLOCK, match
from analysis.stability.features.directions import Directions, of_activations, varying
from analysis.stability.representations.distinct import distinct_inputs


@dataclass(frozen=True, eq=False)
class Pairing:
    """Seeds a < b by number; features by their number in the whole dictionary, dead ones included.

    first, second   matched features of a and b, with their `score`
    nearest_a       for each live feature of a its score with the nearest of b; `nearest_b` back
    mutual          how many features are each other's nearest
    exact           whether no matching has a larger total where it was fitted
    """

    a: int
    b: int
    widths: tuple[int, int]
    live: tuple[int, int]
    first: Int[Tensor, "match"]
    second: Int[Tensor, "match"]
    score: Float[Tensor, "match"]
    nearest_a: Float[Tensor, "live_a"]
    nearest_b: Float[Tensor, "live_b"]
    mutual: int
    exact: bool


def pair_all(dictionaries: Sequence[Directions], *, signed: bool = True) -> tuple[Pairing, ...]:
    """All K(K-1)/2 pairs of seeds, scored by cosine, |cosine| unless `signed`; widths may differ.

    Five seeds of 4,096 features in 512 dimensions take about 15 s on one core and .5 GB. Raises
    ValueError for rows of different lengths, and for a seed with no live feature.
    """
    return _all(dictionaries, dictionaries, signed)


def split_half(
    activations: Sequence[Float[Tensor, "_ _"]], *, signed: bool = True
) -> tuple[tuple[Pairing, ...], tuple[int, ...]]:
    """All pairs of activations [input, feature], matched on one half of the inputs, scored by
    correlation on the other half.

    Of inputs that are alike in every seed one is kept: the halves must not share them. The halves
    are always the same random ones. Also the number of dead features of each seed: constant on
    either half. Raises ValueError for different numbers of inputs, fewer than four distinct ones,
    values that are not finite, and a seed with no live feature.
    """
    inputs = {len(each) for each in activations}
    if len(inputs) != 1 or min(inputs) < 4:
        raise ValueError(f"activations: wanted the same 4 or more inputs, got {sorted(inputs)}")
    for each in activations:
        _ = of_activations(each)  # what is not finite is said with its input, not its half
    kept = distinct_inputs(activations)
    if len(kept) < 4:
        raise ValueError(f"activations: wanted 4 or more distinct inputs, got {len(kept)}")
    order = torch.randperm(len(kept), generator=torch.Generator().manual_seed(0))
    halves = kept[order.to(kept.device)].tensor_split(2)
    fitted, held = [], []
    for each in activations:
        parts = [each[half] for half in halves]
        live = torch.nonzero(varying(parts[0]) & varying(parts[1])).flatten()
        for found, part in zip((fitted, held), parts, strict=True):
            rows = of_activations(part[:, live]).rows if len(live) else part.T[:0].float()
            found.append(Directions(rows, live.cpu(), each.shape[1]))
    return _all(fitted, held, signed), tuple(each.dead for each in fitted)


def pwmcc(pairings: Sequence[Pairing], seeds: int) -> Float[Tensor, "seed seed"]:
    """Mean score of the matched features of each pair of seeds, in [-1, 1]; 1 on the diagonal."""
    return matrix(pairings, seeds, lambda p: float(p.score.double().mean()))


def matrix(
    pairings: Sequence[Pairing], seeds: int, number: Callable[[Pairing], float]
) -> Float[Tensor, "seed seed"]:
    """A number of each pairing as a symmetric matrix with ones on its diagonal."""
    found = torch.eye(seeds, dtype=torch.float64)
    for pairing in pairings:
        found[pairing.a, pairing.b] = found[pairing.b, pairing.a] = number(pairing)
    return found


def _all(
    fitted: Sequence[Directions], held: Sequence[Directions], signed: bool
) -> tuple[Pairing, ...]:
    silent = [seed for seed, each in enumerate(fitted) if not len(each.live)]
    if silent:
        raise ValueError(f"features: wanted a live feature in every seed, got none in {silent}")
    sizes = {each.rows.shape[1] for each in fitted}
    if len(sizes) > 1:
        raise ValueError(f"features: wanted rows of one space, got {sorted(sizes)} numbers a row")
    seeds = len(fitted)
    return tuple(
        _pair((a, b), (fitted[a], fitted[b]), (held[a], held[b]), signed)
        for a in range(seeds)
        for b in range(a + 1, seeds)
    )


def _pair(
    seeds: tuple[int, int],
    fitted: tuple[Directions, Directions],
    held: tuple[Directions, Directions],
    signed: bool,
) -> Pairing:
    x, y = (each.rows for each in fitted)
    dtype = torch.promote_types(x.dtype, y.dtype)
    x, y = x.to(dtype), y.to(dtype)
    found, there, back = match(x, y, signed=signed)
    everyone_a, everyone_b = torch.arange(len(x)), torch.arange(len(y))
    return Pairing(
        a=seeds[0],
        b=seeds[1],
        widths=(fitted[0].width, fitted[1].width),
        live=(len(x), len(y)),
        first=fitted[0].live[found.first],
        second=fitted[1].live[found.second],
        score=_scores(held, found.first, found.second, signed),
        nearest_a=_scores(held, everyone_a, there, signed),
        nearest_b=_scores(held, back, everyone_b, signed),
        mutual=int((back[there] == everyone_a).sum()),
        exact=found.exact,
    )


def _scores(
    held: tuple[Directions, Directions], first: Tensor, second: Tensor, signed: bool
) -> Float[Tensor, "pair"]:
    pairs = zip(first.split(BLOCK), second.split(BLOCK), strict=True)
    parts = [(held[0].rows[i] * held[1].rows[j]).sum(1) for i, j in pairs]
    found = torch.cat(parts).clamp(-1.0, 1.0)
    return found if signed else found.abs()
