"""What one level of comparison says: measures over pairs, classes, figures, things to look at."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from analysis.exhibits import Exhibit
from analysis.stability.entropies.solutions import Solutions
from analysis.stability.estimates.intervals import Interval
from analysis.stability.material import Material
from analysis.stability.nulls import PairMeasure


@dataclass(frozen=True)
class Figure:
    """A named number with its interval and unit; `meaning` in a few words."""

    name: str
    value: Interval
    unit: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Level:
    """One level: outputs, representations, features, weights, interpretations, factors, plans.

    measures    over pairs of seeds, each beside its null ladder
    classes     ways of counting solutions at this level, by the rule that `basis` names
    figures     numbers that are no mean over pairs
    exhibits    tables and pictures
    statements  what may be said of it, in sentences
    notes       how it was measured where that is not as usual: on fewer inputs, of fewer seeds
    skipped     what was not measured, and why
    """

    name: str
    measures: tuple[PairMeasure, ...] = ()
    classes: tuple[Solutions, ...] = ()
    figures: tuple[Figure, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    statements: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON; each exhibit says its `kind`. Numbers may be NaN."""
        shown = [{"kind": type(e).__name__.lower(), **asdict(e)} for e in self.exhibits]
        return {**asdict(self), "exhibits": shown}

    def __str__(self) -> str:
        lines = [self.name, *(f"  {sentence}" for sentence in self.statements)]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join([*lines, *(f"  not measured: {reason}" for reason in self.skipped)])


Measurer = Callable[[Material], Level | None]
