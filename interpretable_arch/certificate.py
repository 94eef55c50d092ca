"""On what the uniqueness of a trained model rests, as numbers that were checked.

A certificate names the theorem in one sentence and gives each of its conditions with the value
found at this model and the bound that it must keep. A condition that fails names the block that it
concerns: then the answer, or its canonical form, is not unique there, and the model says so.
A certificate speaks of one trained model, and says what its conditions settle: that there is no
other optimum, or only that this solution has one form, once its symmetry is divided out, while
other starts may end in other solutions. A study runs many starts beside it in either case: a
procedure that always starts in one place has no entropy whatever the landscape is.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Condition:
    """`value` must lie strictly above, or at or below, `bound`; NaN never holds."""

    name: str
    value: float
    wants: Literal["above", "below"]
    bound: float

    @property
    def holds(self) -> bool:
        if math.isnan(self.value):
            return False
        return self.value > self.bound if self.wants == "above" else self.value <= self.bound

    def __str__(self) -> str:
        sign = ">" if self.wants == "above" else "<="
        kept = "holds" if self.holds else "FAILS"
        return f"{self.name}: {self.value:.3g}, wants {sign} {self.bound:.3g}: {kept}"


@dataclass(frozen=True)
class Certificate:
    """`unique` says up to what and by which theorem, given that all conditions hold.

    `settles` is "optimum" where they leave one optimum, "form" where only this one's form is fixed.
    `figures` are numbers beside them that prove nothing: curvature, residuals.
    """

    unique: str
    conditions: tuple[Condition, ...]
    figures: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    settles: Literal["optimum", "form"] = "optimum"

    def __post_init__(self) -> None:
        names = [c.name for c in self.conditions] + list(self.figures)
        if len(set(names)) != len(names):
            raise ValueError(f"certificate: names must differ, got {names}")

    @property
    def holds(self) -> bool:
        """Whether every condition holds; a certificate without conditions proves nothing."""
        return bool(self.conditions) and all(c.holds for c in self.conditions)

    @property
    def failed(self) -> tuple[Condition, ...]:
        return tuple(c for c in self.conditions if not c.holds)

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "holds": self.holds}
