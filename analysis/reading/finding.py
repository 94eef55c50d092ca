"""What a reading hands on: named figures to compare over seeds, and things to look at.

A reader is a function (model, task) -> Finding, or None where the model has nothing of its kind.
Everything here is plain data: the terminal and the page each show it in their own way.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows of cells under `columns`; text is raw and escaped where it is shown."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]


@dataclass(frozen=True)
class Lines:
    """Curves over shared x values: {name: y values}; the axes carry their units."""

    title: str
    x: tuple[float, ...]
    y: Mapping[str, tuple[float, ...]]
    x_title: str
    y_title: str


@dataclass(frozen=True)
class Heatmap:
    """values [row][column] with a name for each; `signed` scales diverge about zero."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    signed: bool = True


@dataclass(frozen=True)
class Pictures:
    """Grey or signed images [image][row][column], one caption each."""

    title: str
    captions: tuple[str, ...]
    images: tuple[tuple[tuple[float, ...], ...], ...]
    signed: bool = True


@dataclass(frozen=True)
class Points:
    """Named points of the plane and `paths` between them, each a row of (x, y).

    `round` draws the unit circle about them; `behind` marks points on the far side, if any are.
    """

    title: str
    names: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    paths: tuple[tuple[tuple[float, float], ...], ...] = ()
    round: bool = False
    behind: tuple[bool, ...] = ()


Exhibit = Table | Lines | Heatmap | Pictures | Points


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
