"""One kind of feature over K seeds, matched, beside its nulls.

Seeds are cut to as many as time allows (`budget`), nulls to fewer; what was cut is said in `notes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from analysis.stability.features.budget import (
    LEAST_NULL,
    LEAST_SEEDS,
    affordable,
)
from analysis.stability.features.families import Family, Matched, Sets
from analysis.stability.nulls import MOST_NULL, RANDOM, ROTATED

MOST_ROTATED = 2048  # dimensions; a rotation costs their cube
DEAR = (ROTATED, RANDOM)
RUNGS = 4


@dataclass(frozen=True, eq=False)
class Kind:
    """What was found of `name` ("decoder", or a site) over `seeds`, by number; `nulls` by rung."""

    name: str
    family: Family
    signed: bool
    seeds: tuple[int, ...]
    found: Matched
    nulls: Mapping[str, Matched]
    notes: tuple[str, ...]

    @property
    def score(self) -> str:
        """What a score is, in words."""
        return self.family.score if self.signed else f"absolute {self.family.score}"


def measure_kind(
    name: str,
    family: Family,
    sets: Sets,
    kept: Sequence[int],
    given: Mapping[str, Sets],
    *,
    signed: bool,
    seconds: float,
) -> Kind:
    """Match the `kept` of `sets` in pairs, and the sets of each null `given` or made.

    Takes about `seconds`, or what five seeds and nulls of three need. Raises ValueError on what
    can't be matched, naming the seed; a null that can't be is a note.
    """
    rows, note = family.prepare([sets[n].detach().cpu() for n in kept])
    width = max(each.shape[family.feature_axis] for each in rows)
    count = affordable(len(kept), width, seconds / 2, LEAST_SEEDS)
    fewer = affordable(min(count, MOST_NULL), width, seconds / (2 * RUNGS), LEAST_NULL)
    notes = [f"{name}: {note}"] if note else []
    if count < len(kept):
        notes.append(f"{name}: {width} features take long to match: the first {count} seeds only")
    if fewer < count:
        notes.append(f"{name}: nulls of {fewer} of {count} seeds only, for time")
    found = family.match(rows[:count], kept[:count], signed)
    rungs: dict[str, Sets] = {
        rung: [each.detach().cpu() for each in null] for rung, null in given.items()
    }
    wide = max(each.shape[1] for each in rows) > MOST_ROTATED
    draws = torch.Generator().manual_seed(0)
    for rung, make in family.nulls.items():
        if wide and rung in DEAR:
            notes.append(f"{name}: no null of {rung} above {MOST_ROTATED} dimensions, for time")
        else:
            rungs[rung] = make(rows[:fewer], draws)
    nulls = {}
    for rung, null in rungs.items():
        try:
            nulls[rung] = family.match(null[:fewer], range(len(null[:fewer])), signed)
        except ValueError as error:
            notes.append(f"{name}, {rung}: {error}")
    return Kind(name, family, signed, tuple(kept[:count]), found, nulls, tuple(notes))
