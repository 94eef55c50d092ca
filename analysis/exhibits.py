"""Things to look at, as plain data: the terminal and the page each show them in their own way."""

from collections.abc import Mapping
from dataclasses import dataclass


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


@dataclass(frozen=True)
class Bars:
    """Named numbers, each with the ends of its interval (None where there is none)."""

    title: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    x_title: str


Exhibit = Table | Lines | Heatmap | Pictures | Points | Bars
