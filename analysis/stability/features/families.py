"""The two families of features, and what a kind of either is matched by and set beside.

dictionaries   rows [feature, d], by cosine; rotated bases and random rows of the same covariance
activations    columns [input, feature], by correlation on half of the inputs, scored on the other,
               distinct inputs alone; inputs in another order and rotated bases
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from analysis.stability.features.directions import Directions, of_activations, of_dictionary
from analysis.stability.features.nulls import random_same_covariance, rotated_basis
from analysis.stability.features.pairing import Pairing, pair_all, split_half
from analysis.stability.nulls import PERMUTED, RANDOM, ROTATED
from analysis.stability.representations.chance import permuted_rows
from analysis.stability.representations.distinct import distinct_inputs

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
    """`match` takes sets, the numbers of their seeds (for messages) and whether signs count.

    `prepare` leaves out what would be matched with itself, and says so; `silent` says of one set
    why it has nothing to match, "" where it has; `nulls` are made by rung.
    """

    name: str
    score: str
    feature_axis: int
    match: Callable[[Sets, Sequence[int], bool], Matched]
    nulls: Mapping[str, Callable[[Sets, torch.Generator], Sets]]
    prepare: Callable[[Sets], tuple[Sets, str]]
    silent: Callable[[Tensor], str]


def _match_dictionaries(sets: Sets, seeds: Sequence[int], signed: bool) -> Matched:
    found = tuple(_of_seed(of_dictionary, n, each) for n, each in zip(seeds, sets, strict=True))
    widths, dead = tuple(each.width for each in found), tuple(each.dead for each in found)
    return Matched(pair_all(found, signed=signed), widths, dead, found)


def _match_activations(sets: Sets, seeds: Sequence[int], signed: bool) -> Matched:
    for number, each in zip(seeds, sets, strict=True):
        _of_seed(of_activations, number, each)
    pairings, dead = split_half(sets, signed=signed)
    return Matched(pairings, tuple(each.shape[1] for each in sets), dead)


def _rotated_about_the_mean(sets: Sets, generator: torch.Generator) -> Sets:
    return rotated_basis([each - each.mean(0) for each in sets], generator)


def _as_given(sets: Sets) -> tuple[Sets, str]:
    return sets, ""


def _distinct(sets: Sets) -> tuple[Sets, str]:
    """One of each group of inputs that all seeds represent alike, before nulls are made of them."""
    if len({len(each) for each in sets}) > 1:
        return sets, ""  # refused by `match`, which names the numbers
    kept = distinct_inputs(sets)
    if len(kept) == len(sets[0]):
        return sets, ""
    note = f"{len(kept)} of {len(sets[0])} inputs, those that differ in some seed"
    return [each[kept] for each in sets], note


def _silence(check: Callable[[Tensor], Directions], values: Tensor) -> str:
    try:
        return "" if len(check(values).live) else "no live feature"
    except ValueError as error:
        return str(error)


def _of_seed(check: Callable[[Tensor], Directions], seed: int, values: Tensor) -> Directions:
    try:
        return check(values)
    except ValueError as error:
        raise ValueError(f"seed {seed}: {error}") from error


DICTIONARIES = Family(
    "dictionary",
    "cosine",
    0,
    _match_dictionaries,
    {ROTATED: rotated_basis, RANDOM: random_same_covariance},
    _as_given,
    partial(_silence, of_dictionary),
)
ACTIVATIONS = Family(
    "activations",
    "correlation on the other half of the inputs",
    1,
    _match_activations,
    {PERMUTED: permuted_rows, ROTATED: _rotated_about_the_mean},
    _distinct,
    partial(_silence, of_activations),
)
