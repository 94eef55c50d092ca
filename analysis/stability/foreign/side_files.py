"""The JSON files beside the seeds: labels, losses, architectures, factors, which runs failed."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from analysis.stability.foreign.layouts import LAYOUTS

PER_SEED = (
    "labels",
    "losses",
    "architectures",
    "factors",
    "circuits",
    "formulas",
    "features",
)
DIVERGED, TOGETHER = "diverged", "interpretations"
Told = TypeVar("Told")


def read_side_files(folder: Path) -> dict[str, Any]:
    """What each of these files holds, by its name without .json, as far as they are there.

    Raises ValueError for a file that is no JSON, and where one thing is said in two files.
    """
    told = {
        name: _read(folder / f"{name}.json")
        for name in (*PER_SEED, DIVERGED, TOGETHER)
        if (folder / f"{name}.json").is_file()
    }
    together = _apart(told.pop(TOGETHER, {}))
    twice = sorted(set(told) & set(together))
    if twice:
        raise ValueError(f"{TOGETHER}.json: {twice[0]} are in {twice[0]}.json too")
    return told | together


def names_told(told: Mapping[str, Any]) -> tuple[str, ...]:
    """The seeds that these files name, or count, where no other file does."""
    given = [told[name] for name in PER_SEED if name in told]
    named = dict.fromkeys(name for each in given if isinstance(each, Mapping) for name in each)
    if named:
        return tuple(named)
    return tuple(f"seed {n}" for n in range(max((len(each) for each in given), default=0)))


def one_a_seed(told: Mapping[str, Any], name: str, seeds: Sequence[str]) -> list[Any] | None:
    """What a file says of each seed, in their order: None without the file or for a seed not named.

    Raises ValueError for a list of another length, and for a name that is no seed's.
    """
    if name not in told:
        return None
    given = told[name]
    if isinstance(given, Mapping):
        strangers = [key for key in given if key not in seeds]
        if strangers:
            known = ", ".join(seeds[:8])
            raise ValueError(f"{name}.json: wanted seeds among {known}, got {strangers[0]!r}")
        return [given.get(seed) for seed in seeds]
    if not isinstance(given, list) or len(given) != len(seeds):
        got = f"{len(given)} entries" if isinstance(given, list) else type(given).__name__
        wanted = f"{{seed: value}}, or a list of {len(seeds)} in order of seeds"
        raise ValueError(f"{name}.json: wanted {wanted}, got {got}.\n\n{LAYOUTS}")
    return given


def every_seed(
    told: Mapping[str, Any], name: str, seeds: Sequence[str], cast: Callable[[Any], Told]
) -> tuple[Told, ...]:
    """The same as values of one type, () without the file; ValueError for a seed left out."""
    given = one_a_seed(told, name, seeds)
    if given is None:
        return ()
    try:
        return tuple(cast(value) for value in given)
    except (TypeError, ValueError) as error:
        bad = next(s for s, value in zip(seeds, given, strict=True) if not _casts(cast, value))
        raise ValueError(f"{name}.json: seed {bad!r} is missing or of the wrong kind") from error


def text(value: Any) -> str:
    """Text as it is given. Raises TypeError for anything else, a missing value too."""
    if not isinstance(value, str):
        raise TypeError(f"wanted text, got {value!r}")
    return value


def failed(told: Mapping[str, Any], seeds: Sequence[str]) -> tuple[bool, ...]:
    """One flag a seed, from the list of names in diverged.json; () without the file."""
    if DIVERGED not in told:
        return ()
    names = told[DIVERGED]
    if not isinstance(names, list) or any(name not in seeds for name in names):
        raise ValueError(f"diverged.json: wanted a list of names of seeds, got {names!r}")
    return tuple(seed in names for seed in seeds)


def factors(
    told: Mapping[str, Any], seeds: Sequence[str]
) -> tuple[dict[str, tuple[int, ...]], str]:
    """By factor its level in each seed, and why a factor is left out ("" where none is)."""
    given = one_a_seed(told, "factors", seeds)
    if given is None:
        return {}, ""
    if not all(isinstance(levels, Mapping) for levels in given):
        raise ValueError('factors.json: wanted {seed: {"init": 0, ...}} for every seed')
    names = list(dict.fromkeys(name for levels in given for name in levels))
    whole = [name for name in names if all(name in levels for levels in given)]
    left = [name for name in names if name not in whole]
    reason = f"{', '.join(left)}: not given for every seed" if left else ""
    return {name: tuple(int(levels[name]) for levels in given) for name in whole}, reason


def _apart(together: Any) -> dict[str, Any]:
    """The lists of one file, each by the names that the file gives."""
    if not isinstance(together, Mapping):
        raise ValueError(f"{TOGETHER}.json: wanted lists by kind, got {type(together).__name__}")
    names = together.get("names")
    lists = {kind: items for kind, items in together.items() if kind != "names"}
    strangers = sorted(set(lists) - set(PER_SEED))
    if strangers:
        raise ValueError(f"{TOGETHER}.json: wanted lists among {PER_SEED}, got {strangers[0]!r}")
    if names is None:
        return lists
    for kind, items in lists.items():
        if not isinstance(items, list) or len(items) != len(names):
            raise ValueError(f"{TOGETHER}.json: wanted {len(names)} {kind}, as many as names")
    return {kind: dict(zip(names, items, strict=True)) for kind, items in lists.items()}


def _casts(cast: Callable[[Any], Any], value: Any) -> bool:
    try:
        cast(value)
    except (TypeError, ValueError):
        return False
    return True


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: wanted JSON, got {error}") from error
