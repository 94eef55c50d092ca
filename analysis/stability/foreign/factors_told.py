"""factors.json: which choice of each factor a seed was trained with, as numbers or as text."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.stability.foreign.side_files import Told, number, one_a_seed


def factors(told: Told, seeds: Sequence[str]) -> tuple[dict[str, tuple[int, ...]], str]:
    """By factor its level in each seed, and why a factor is left out ("" where none is).

    Levels are numbered from 0 in the order in which they first come; 1 and 1.0 are one level, "1"
    is another. Raises ValueError for what is no mapping a seed, and for a level that is neither a
    finite number nor text.
    """
    given = one_a_seed(told, "factors", seeds)
    if given is None:
        return {}, ""
    file = told.file("factors")
    if not all(isinstance(levels, Mapping) for levels in given):
        raise ValueError(f'{file}: wanted {{seed: {{"init": 0, ...}}}} for every seed')
    names = list(dict.fromkeys(name for levels in given for name in levels))
    whole = [name for name in names if all(name in levels for levels in given)]
    left = [name for name in names if name not in whole]
    reason = f"{', '.join(left)}: not given for every seed" if left else ""
    levels = {
        name: [
            _level(f"{file}: {name} of seed {s!r}", g[name])
            for s, g in zip(seeds, given, strict=True)
        ]
        for name in whole
    }
    return {name: _numbered(values) for name, values in levels.items()}, reason


def _level(place: str, value: Any) -> str | float:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return float(value)
    try:
        return number(value)
    except TypeError:
        raise ValueError(f"{place}: wanted a number or text, got {value!r}") from None


def _numbered(values: Sequence[str | float]) -> tuple[int, ...]:
    codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return tuple(codes[value] for value in values)
