"""What the comparison of K trained models says: one frozen result, every estimate an interval.

Distances and divergences are in natural logarithms (nats), class entropies in bits.
"""

from dataclasses import asdict, dataclass
from typing import Any

from analysis.stability.entropies.curve import ThresholdPoint
from analysis.stability.entropies.solutions import Solutions
from analysis.stability.estimates.intervals import Interval
from analysis.stability.nulls import PairMeasure
from analysis.stability.plain import plain


@dataclass(frozen=True)
class ErrorReference:
    """What the error rates alone say of disagreement: shares of inputs, in [0, 1].

    errors       error rate of each seed compared, in the order of `Stability.kept`
    error        their mean
    independent  disagreement if errors struck at random (mean over pairs)
    least, most  |e_a - e_b| and min(1, e_a + e_b), the bounds of disagreement (means over pairs)
    """

    errors: tuple[float, ...]
    error: Interval
    independent: Interval
    least: Interval
    most: Interval


@dataclass(frozen=True)
class Stability:
    """How much K trained models differ.

    seeds, diverged, kept   how many seeds; which diverged; which are compared
    order                   `kept`, near seeds side by side (optimal leaf order on divergence)
    inputs, threshold       probe inputs; class threshold on divergence, sqrt(nats)
    disagreement            share of inputs with different predictions
    errors                  what the error rates alone lead one to expect of it
    divergence              root-mean-square sqrt(JSD) of outputs, sqrt(nats), at most .8326
    ensemble_information    H(mean p) - mean H(p), nats
    cka, biased_cka         linear CKA of representations: debiased, and the biased mean beside it
    by_output               solution classes by complete linkage on divergence, entropies in bits
    by_interpretation       solution classes by the label each model gives of itself
    ..._with_diverged       the same with diverged seeds as one class; None where none diverged
    curve                   entropy against class threshold
    statements              what may be said of it in words

    Measures that need what was not given, or more seeds than there are, are None.
    """

    seeds: int
    diverged: tuple[int, ...]
    kept: tuple[int, ...]
    order: tuple[int, ...]
    inputs: int
    threshold: float
    disagreement: PairMeasure | None
    errors: ErrorReference | None
    divergence: PairMeasure | None
    ensemble_information: Interval | None
    cka: PairMeasure | None
    biased_cka: Interval | None
    by_output: Solutions | None
    by_output_with_diverged: Solutions | None
    by_interpretation: Solutions | None
    by_interpretation_with_diverged: Solutions | None
    curve: tuple[ThresholdPoint, ...]
    statements: tuple[str, ...]

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON: lists, and None for numbers that are undefined or infinite."""
        return plain(asdict(self))
