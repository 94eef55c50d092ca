"""Which seeds to train: a number, a list, or factors crossed with each other.

    seeds: 3                                 0-0-0, 1-1-1, 2-2-2: all streams change together
    seeds: [5, {init: 0, order: 1, noise: 2}]
    seeds: {init: 4, order: 4, repeat: 2}    every combination: 4 x 4 x 2 = 32

A factor is given by how many levels it has (0, 1, ...) or by a list of them; what is not named
stays at 0. Crossed seeds let a difference be told apart into the initialisation's share, the data
order's, their interaction's, and the floor that training the same twice leaves (`Seed.repeat`).
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from typing import Any

from training.parsing import ConfigError, parse, wants
from training.settings import Seed, at_least

FACTORS = ("init", "order", "noise", "repeat")


def spell_out_seeds(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration whose `seeds` is the list of all of them, each with its streams.

    Crossed seeds come repeat by repeat, then by init, then by order. Raises ConfigError for a
    factor there is none of (naming the nearest), for fewer than one level and for one given twice.
    """
    plain = dict(mapping)
    seeds = plain.get("seeds")
    if isinstance(seeds, Mapping):
        plain["seeds"] = _crossed(seeds)
        return plain
    if type(seeds) is int:
        at_least("seeds", seeds, 1)
        seeds = list(range(seeds))
    if isinstance(seeds, list | tuple):
        plain["seeds"] = [
            {"init": s, "order": s, "noise": s} if type(s) is int else s for s in seeds
        ]
    elif "seeds" in plain:
        raise wants("seeds", "how many, or a list of them", seeds)
    return plain


def check_seeds(seeds: Sequence[Seed]) -> None:
    """ConfigError for no seed, or one that is given twice."""
    if not seeds:
        raise ConfigError("seeds", "wants at least one, got none")
    _check_once("seeds", seeds)


def factors(seeds: Sequence[Seed]) -> dict[str, tuple[int, ...]]:
    """The level of each factor in each seed, for the factors that take more than one level.

    Seeds such as 0-0-0, 1-1-1 give three factors with the same levels: what differs between them
    can't be told apart by factor.
    """
    levels = {name: tuple(getattr(seed, name) for seed in seeds) for name in FACTORS}
    return {name: found for name, found in levels.items() if len(set(found)) > 1}


def independent_places(seeds: Sequence[Seed]) -> tuple[int, ...]:
    """Places of seeds that share no level of a stream that varies, chosen from the first on.

    Runs that share an initialisation or an order of the data are not independent: intervals over
    seeds hold for these alone. All of them where only `repeat` varies, which then is what varies.
    """
    streams = [name for name in factors(seeds) if name != "repeat"]
    chosen: list[int] = []
    for place, seed in enumerate(seeds):
        others = [seeds[other] for other in chosen]
        if not any(getattr(seed, n) == getattr(o, n) for o in others for n in streams):
            chosen.append(place)
    return tuple(chosen)


def fixed_streams(seeds: Sequence[Seed]) -> tuple[str, ...]:
    """The streams that are the same in all of several seeds: results speak of the others alone."""
    if len(seeds) < 2:
        return ()
    varied = factors(seeds)
    return tuple(name for name in FACTORS if name not in varied and name != "repeat")


def distinct_seeds(seeds: Sequence[Seed], count: int) -> tuple[Seed, ...]:
    """At most `count` independent seeds, the first ones: few that are to stand for all."""
    return tuple(seeds[place] for place in independent_places(seeds)[:count])


def _crossed(given: Mapping[str, Any]) -> list[dict[str, int]]:
    if not given:
        raise wants("seeds", f"one factor or more of {', '.join(FACTORS)}", dict(given))
    for name in given:
        if name not in FACTORS:
            near = get_close_matches(str(name), FACTORS, 1, cutoff=0)[0]
            valid = ", ".join(FACTORS)
            problem = f"no such factor; the nearest is {near!r} (valid: {valid})"
            raise ConfigError(f"seeds.{name}", problem)
    levels = {name: _levels(f"seeds.{name}", given.get(name, 1)) for name in FACTORS}
    every = product(*(levels[name] for name in ("repeat", "init", "order", "noise")))
    return [Seed(i, o, n, repeat).to_mapping() for repeat, i, o, n in every]


def _levels(path: str, given: Any) -> list[int]:
    if not isinstance(given, list | tuple):
        if type(given) is not int:
            raise wants(path, "how many levels, or a list of them", given)
        at_least(path, given, 1)
        return list(range(given))
    if not given:
        raise wants(path, "at least one level", given)
    levels = [parse(int, level, f"{path}[{place}]") for place, level in enumerate(given)]
    for place, level in enumerate(levels):
        at_least(f"{path}[{place}]", level, 0)
    _check_once(path, levels)
    return levels


def _check_once(path: str, given: Sequence[Any]) -> None:
    first: dict[Any, int] = {}
    for place, one in enumerate(given):
        if one in first:
            problem = f"{one} is given twice, first as {path}[{first[one]}]"
            raise ConfigError(f"{path}[{place}]", problem)
        first[one] = place
