"""Numbers as a person reads them: few digits, a real minus sign, powers of ten.

What is missing or not finite in a report's JSON (null, NaN, an infinity of a diverged seed) is
shown as a dash or an infinity sign, and is never drawn.
"""

import math
from collections.abc import Mapping
from typing import Any

DASH = "–"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def finite(value: Any) -> float | None:
    """The number, or None where there is none to draw: null, NaN, an infinity, a non-number."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def numeral(value: Any, digits: int = 3) -> str:
    """A number with ``digits`` significant digits; 2.1e-05 is written 2.1 × 10⁻⁵."""
    number = finite(value)
    if number is None:
        return _without_number(value)
    if number == 0:
        return "0"
    size = abs(number)
    if size < 1e-3 or size >= 1e6:
        mantissa, exponent = f"{number:.{max(digits - 2, 1)}e}".split("e")
        return _signed(f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPT)}")
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    return _signed(f"{number:.{decimals}f}")


def _without_number(value: Any) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return DASH


def _signed(text: str) -> str:
    return text.replace("-", "−", 1) if text.startswith("-") else text


def percent(value: Any, decimals: int = 1) -> str:
    """A share as a percentage: .975 is 97.5%; what would round to all or nothing says so."""
    number = finite(value)
    if number is None:
        return DASH
    if number in (0.0, 1.0):
        return f"{100 * number:.0f}%"
    text, least = f"{100 * number:.{decimals}f}", 10.0**-decimals
    if float(text) == 0 and number > 0:
        return f"<{least:g}%"
    if float(text) == 100 and number < 1:
        return f">{100 - least:g}%"
    return _signed(f"{text}%")


def bounds(interval: Mapping[str, Any], show: Any = numeral) -> str:
    """The ends of an interval, ``[low, high]``; empty when neither end is known."""
    low, high = interval["low"], interval["high"]
    if finite(low) is None and finite(high) is None:
        return ""
    return f"[{show(low)}, {show(high)}]"


def whole(value: Any) -> str:
    """A whole number with thin spaces between thousands."""
    number = finite(value)
    return DASH if number is None else f"{round(number):,}".replace(",", "\u202f")


def duration(seconds: Any) -> str:
    """Seconds as a person says them: 0.8 s, 42 s, 3 min 12 s, 2 h 5 min."""
    number = finite(seconds)
    if number is None:
        return DASH
    if number < 10:
        return f"{number:.1f} s"
    minutes, rest = divmod(round(number), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def counted(number: int, noun: str) -> str:
    """``1 seed``, ``20 seeds``, ``3 classes``."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number} {noun if number == 1 else plural}"
