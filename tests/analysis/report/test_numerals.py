"""Numbers in words and figures."""

import math

import pytest

from analysis.report.numerals import bounds, counted, duration, finite, numeral, percent, whole


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1.5234, "1.52"),
        (-12.34, "−12.3"),
        (2.14e-5, "2.1 × 10⁻⁵"),
        (-3e8, "−3.0 × 10⁸"),
        (1234.5, "1234"),
        (None, "–"),
        (math.nan, "–"),
        ("NaN", "–"),
        ("words", "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numeral(value, shown):
    assert numeral(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1, "100%"), (0, "0%"), (0.975, "97.5%"), (0.99999, ">99.9%"), (1e-6, "<0.1%"), (None, "–")],
)
def test_percent_never_rounds_to_all_or_nothing(value, shown):
    assert percent(value) == shown


def test_percent_without_decimals():
    assert (percent(0.861, 0), percent(0.999, 0)) == ("86%", ">99%")


def test_bounds():
    assert bounds({"low": 0.25, "high": 0.75}) == "[0.250, 0.750]"
    assert bounds({"low": None, "high": None}) == ""
    assert bounds({"low": 0.1, "high": None}, percent) == "[10.0%, –]"


def test_the_rest():
    assert finite("1.5") == 1.5
    assert finite(True) is None
    assert whole(51304) == "51\u202f304"
    assert (duration(0.84), duration(42), duration(192), duration(7500)) == (
        "0.8 s",
        "42 s",
        "3 min 12 s",
        "2 h 5 min",
    )
    assert (counted(1, "class"), counted(3, "class"), counted(20, "seed")) == (
        "1 class",
        "3 classes",
        "20 seeds",
    )
