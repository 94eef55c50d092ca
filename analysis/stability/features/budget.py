"""How many seeds can be matched with each other in the time there is.

One pair costs about .02 s at 512 features and 3 s at 4,096, by the larger width, and above
`MOST_EXACT`, where matching is blocked, 10 s at 16,384 and as the square: upper ends of what was
measured on one core.
"""

import math

from analysis.stability.features.assignment import MOST_EXACT

SECONDS = 40.0  # for all features of a report
LEAST_SEEDS, LEAST_NULL = 5, 3


def pair_seconds(width: int) -> float:
    """About how long matching two seeds of `width` features takes, at most."""
    if width <= MOST_EXACT:
        return 0.003 + 0.02 * (width / 512) ** 2.4
    return 10 * (width / 16384) ** 2


def affordable(seeds: int, width: int, seconds: float, least: int) -> int:
    """How many of `seeds` can be matched in pairs within `seconds`; `least` of them in any case."""
    pairs = seconds / pair_seconds(width)
    fit = int((1 + math.sqrt(1 + 8 * pairs)) / 2)
    return min(seeds, max(least, fit))
