"""What a reading hands on: named figures to compare over seeds, and things to look at.

A reader is a function (model, task) -> Finding, or None where the model has nothing of its kind.
Everything here is plain data: the terminal and the page each show it in their own way.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from analysis.exhibits import Exhibit


@dataclass(frozen=True)
class Finding:
    """One kind of reading of one trained model.

    `figures` are numbers with stable names, so that seeds can be compared; `notes` are sentences,
    raw text.
    """

    title: str
    figures: Mapping[str, float]
    exhibits: tuple[Exhibit, ...] = ()
    notes: tuple[str, ...] = ()

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON; each exhibit says its `kind`."""
        shown = [{"kind": type(e).__name__.lower(), **asdict(e)} for e in self.exhibits]
        return {**asdict(self), "exhibits": shown}
