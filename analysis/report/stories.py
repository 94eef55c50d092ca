"""How many stories the seeds of a cell tell of themselves, those that could not be read apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.stability.entropies.classes import UNREAD

NOTHING_READ = "none"  # a label of no structure


@dataclass(frozen=True)
class Stories:
    """The interpretations told, the commonest first, each with its seeds, and the seeds unread.

    `share` is the least share of all seeds that the commonest may have (the 95% bound).
    """

    told: tuple[tuple[str, int], ...]
    unread: int
    share: float | None

    @property
    def same(self) -> bool:
        """Whether every seed was read, and all tell one story."""
        return len(self.told) == 1 and not self.unread


def stories(cell: Mapping[str, Any]) -> Stories | None:
    """A cell's stories; None where its labels do not depend on the weights, so that none is told.

    A seed that could not be read tells no story, whatever the others tell.
    """
    found = cell["stability"]["by_interpretation"]
    if found is None:
        return None
    sizes = list(zip(found["names"], found["counts"], strict=True))
    told = tuple((name, count) for name, count in sizes if not _unread(name))
    unread = sum(count for name, count in sizes if _unread(name))
    return Stories(told, unread, found["modal_share"]["low"])


def _unread(name: str) -> bool:
    return name == NOTHING_READ or name.startswith(UNREAD)
