"""The look that all charts share, and the way from an Altair chart to what a page carries.

Architectures have the colours of Okabe and Ito (2008), told apart with any colour vision.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import vl_convert

from analysis.report.numerals import SUPERSCRIPT

INK, MUTED, FAINT = "#1f2328", "#59636e", "#e6e8eb"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#6b4fa0", "#4d4d4d")
MOST_ROWS = 5000
LOGARITHMIC_SPAN = 30.0  # values farther apart than this factor are drawn on a logarithmic axis
LOOK = {
    "font": FONT,
    "background": "transparent",
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "gridColor": FAINT,
        "domainColor": "#c4c9cf",
        "tickColor": "#c4c9cf",
        "tickSize": 4,
        "labelPadding": 4,
        "labelOverlap": True,
    },
}


@dataclass(frozen=True)
class Figure:
    """A chart of the page: its Vega-Lite specification, a heading, what it shows in words."""

    spec: dict[str, Any]
    title: str
    caption: str = ""
    colour: str = ""


def palette(architectures: tuple[str, ...]) -> dict[str, str]:
    """A colour for each architecture, by its place in the report."""
    return {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(architectures)}


def values(rows: list[dict[str, Any]]) -> alt.Data:
    """Rows as inline data of a chart."""
    return alt.Data(values=rows)


def specification(chart: Any) -> dict[str, Any]:
    """The Vega-Lite specification of an Altair chart, without what all charts share (`LOOK`)."""
    spec = chart.to_dict(validate=False)  # half the time of a page; tests compile every chart
    return {key: value for key, value in spec.items() if key not in ("$schema", "config")}


@cache
def chart_script() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, in the version that Altair writes for."""
    wanted = alt.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0]
    known = vl_convert.get_vegalite_versions()
    version = wanted if wanted in known else known[-1]
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)


def short_seed(seed: Any) -> str:
    """A seed as a chart names it: 3 where its three streams are all 3, 3-3-4 where they differ."""
    streams = str(seed).split("-")
    return streams[0] if len(set(streams)) == 1 else str(seed)


def thinned(count: int, most: int) -> list[int]:
    """At most ``most`` places out of ``count``, evenly spread from the first to the last."""
    if count <= most:
        return list(range(count))
    return sorted({round(place * (count - 1) / (most - 1)) for place in range(most)})


def decades(low: float, high: float) -> tuple[float, float]:
    """The powers of ten around two positive numbers."""
    return 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))


def powers_of_ten(low: float, high: float, grid: bool = True) -> alt.Axis:
    """About five ticks 10⁻², 1, 10² of a logarithmic axis between two powers of ten."""
    first, last = round(math.log10(low)), round(math.log10(high))
    exponents = range(last, first - 1, -1 - (last - first) // 6)
    names = {place: f"10{str(place).translate(SUPERSCRIPT)}" for place in exponents} | {0: "1"}
    return alt.Axis(
        values=[10.0**place for place in exponents],
        labelExpr=f"({json.dumps(names, ensure_ascii=False)})[round(log(datum.value) / LN10)]",
        grid=grid,
    )
