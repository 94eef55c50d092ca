"""K trained models -> how much they differ, with intervals over seeds and the untrained null."""

from analysis.stability.estimates.intervals import Interval
from analysis.stability.result import Stability
from analysis.stability.summary import stability

__all__ = ["Interval", "Stability", "stability"]
