"""K trained models -> how much they differ, with intervals over seeds and the null ladder."""

from analysis.stability.estimates.intervals import Interval
from analysis.stability.reporting import StabilityReport, report
from analysis.stability.result import Stability
from analysis.stability.summary import stability

__all__ = ["Interval", "Stability", "StabilityReport", "report", "stability"]
