"""The two families of features, and what a kind of either is matched by and set beside.

dictionaries   rows [feature, d], by cosine; rotated bases and random rows of the same covariance
activations    columns [input, feature], by correlation on half of the inputs, scored on the other;
               inputs in another order and rotated bases
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.stability.features.directions import Directions, of_activations, of_dictionary
from analysis.stability.features.nulls import permuted_rows, random_same_covariance, rotated_basis
from analysis.stability.features.pairing import Pairing, pair_all, split_half
from analysis.stability.nulls import PERMUTED, RANDOM, ROTATED

Sets = Sequence[Tensor]


@dataclass(frozen=True, eq=False)
class Matched:
    """All pairs of some seeds' features, with the width and the dead of each seed.

    `directions` are those of dictionaries, which lie in one space; empty for activations.
    """

    pairings: tuple[Pairing, ...]
    widths: tuple[int, ...]
    dead: tuple[int, ...]
    directions: tuple[Directions, ...] = ()

    @property
    def seeds(self) -> int:
        return len(self.widths)

    @property
    def exact(self) -> bool:
        """Whether every matching is the best there is."""
        return all(pairing.exact for pairing in self.pairings)


@dataclass(frozen=True)
class Family:
    """`match` takes sets, the numbers of their seeds (for messages) and whether signs count."""

    name: str
    score: str
    feature_axis: int
    match: Callable[[Sets, Sequence[int], bool], Matched]
    nulls: Callable[[Sets, torch.Generator], Mapping[str, Sets]]


def _match_dictionaries(sets: Sets, seeds: Sequence[int], signed: bool) -> Matched:
    found = tuple(_of_seed(of_dictionary, n, each) for n, each in zip(seeds, sets, strict=True))
    widths, dead = tuple(each.width for each in found), tuple(each.dead for each in found)
    return Matched(pair_all(found, signed=signed), widths, dead, found)


def _match_activations(sets: Sets, seeds: Sequence[int], signed: bool) -> Matched:
    for number, each in zip(seeds, sets, strict=True):
        _of_seed(of_activations, number, each)
    pairings, dead = split_half(sets, signed=signed)
    return Matched(pairings, tuple(each.shape[1] for each in sets), dead)


def _other_dictionaries(sets: Sets, generator: torch.Generator) -> dict[str, Sets]:
    return {
        ROTATED: rotated_basis(sets, generator),
        RANDOM: random_same_covariance(sets, generator),
    }


def _other_activations(sets: Sets, generator: torch.Generator) -> dict[str, Sets]:
    centred = [each - each.mean(0) for each in sets]
    return {PERMUTED: permuted_rows(sets, generator), ROTATED: rotated_basis(centred, generator)}


def _of_seed(check: Callable[[Tensor], Directions], seed: int, values: Tensor) -> Directions:
    try:
        return check(values)
    except ValueError as error:
        raise ValueError(f"seed {seed}: {error}") from error


DICTIONARIES = Family("dictionary", "cosine", 0, _match_dictionaries, _other_dictionaries)
ACTIVATIONS = Family(
    "activations",
    "correlation on the other half of the inputs",
    1,
    _match_activations,
    _other_activations,
)
