"""Runs given twice, found by checksum: a seed and its copy agree, for nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Shaped
from torch import Tensor

from training.checksum import weights_checksum

HEAD = 1024  # entries of a tensor that are looked at before all of them are
Glimpse = tuple[tuple[tuple[str, tuple[int, ...]], ...], str]


@dataclass(frozen=True)
class Duplicate:
    """Two seeds, by number, whose tensors are the same to the bit, and their SHA-256."""

    first: int
    second: int
    checksum: str


def duplicates(seeds: Sequence[Mapping[str, Shaped[Tensor, "..."]]]) -> tuple[Duplicate, ...]:
    """Every later seed that holds what an earlier one holds: names, types, shapes and bytes.

    A seed is paired with the first that it repeats; one that holds no tensor repeats none. Works
    for the weights of models as well as for what was recorded of them. Cost: one pass over the
    tensors of those seeds whose names, shapes and first entries another one has.
    """
    glimpses = [_glimpse(tensors) for tensors in seeds]
    often = Counter(glimpses)
    first: dict[str, int] = {}
    found: list[Duplicate] = []
    for number, (tensors, glimpse) in enumerate(zip(seeds, glimpses, strict=True)):
        if not tensors or often[glimpse] == 1:
            continue
        checksum = weights_checksum(tensors)
        if checksum in first:
            found.append(Duplicate(first[checksum], number, checksum))
        else:
            first[checksum] = number
    return tuple(found)


def _glimpse(tensors: Mapping[str, Tensor]) -> Glimpse:
    """What two copies share and hardly two others do: shapes, and the start of each tensor."""
    starts = weights_checksum({name: t.reshape(-1)[:HEAD] for name, t in tensors.items()})
    return tuple(sorted((name, tuple(t.shape)) for name, t in tensors.items())), starts
