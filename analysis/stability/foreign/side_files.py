"""The JSON files beside the seeds: what each says of them, seed by seed, and in which file."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

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
SIDE_FILES = (*PER_SEED, DIVERGED, TOGETHER)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Told:
    """What the files say, by what it is of; `together` names what interpretations.json says."""

    said: Mapping[str, Any]
    together: frozenset[str] = frozenset()

    def file(self, name: str) -> str:
        """The file that says it, for messages."""
        return f"{TOGETHER if name in self.together else name}.json"


def read_side_files(folder: Path) -> Told:
    """What each of these files holds, by its name without .json, as far as they are there.

    Raises ValueError for a file that is no JSON, and where one thing is said in two files.
    """
    told = {
        name: _read(folder / f"{name}.json")
        for name in SIDE_FILES
        if (folder / f"{name}.json").is_file()
    }
    together = _apart(told.pop(TOGETHER, {}))
    twice = sorted(set(told) & set(together))
    if twice:
        raise ValueError(f"{TOGETHER}.json: {twice[0]} are in {twice[0]}.json too")
    return Told(told | together, frozenset(together))


def names_told(told: Told) -> tuple[str, ...]:
    """The seeds that these files name, or count, where no other file does.

    Raises ValueError for a file that holds neither names nor a list.
    """
    given = {name: told.said[name] for name in PER_SEED if name in told.said}
    for name, each in given.items():
        if not isinstance(each, Mapping | list):
            wanted = "{seed: value}, or a list in order of seeds"
            raise ValueError(f"{told.file(name)}: wanted {wanted}, got {type(each).__name__}")
    maps = [each for each in given.values() if isinstance(each, Mapping)]
    named = dict.fromkeys(name for each in maps for name in each)
    if named:
        return tuple(named)
    return tuple(f"seed {n}" for n in range(max(map(len, given.values()), default=0)))


def one_a_seed(told: Told, name: str, seeds: Sequence[str]) -> list[Any] | None:
    """What a file says of each seed, in their order: None without the file or for a seed not named.

    Raises ValueError for a list of another length, and for a name that is no seed's.
    """
    if name not in told.said:
        return None
    given, file = told.said[name], told.file(name)
    if isinstance(given, Mapping):
        strangers = [key for key in given if key not in seeds]
        if strangers:
            known = ", ".join(seeds[:8])
            raise ValueError(f"{file}: wanted seeds among {known}, got {strangers[0]!r}")
        return [given.get(seed) for seed in seeds]
    if not isinstance(given, list) or len(given) != len(seeds):
        got = f"{len(given)} entries" if isinstance(given, list) else type(given).__name__
        wanted = f"{{seed: value}}, or a list of {len(seeds)} in order of seeds"
        raise ValueError(f"{file}: wanted {wanted}, got {got}")
    return given


def every_seed(
    told: Told,
    name: str,
    seeds: Sequence[str],
    cast: Callable[[Any], Value],
    *,
    unread: Mapping[str, Value] | None = None,
) -> tuple[Value, ...]:
    """The same as values of one type, () without the file; ValueError for a seed left out.

    A seed in `unread`, one that failed, may be left out or hold anything: it gets that value then.
    """
    given = one_a_seed(told, name, seeds)
    if given is None:
        return ()
    found: list[Value] = []
    for seed, value in zip(seeds, given, strict=True):
        try:
            found.append(cast(value))
        except TypeError as error:
            if unread is not None and seed in unread:
                found.append(unread[seed])
                continue
            place = f"{told.file(name)}: seed {seed!r} is missing or of the wrong kind"
            raise ValueError(f"{place}: {error}") from error
    return tuple(found)


def text(value: Any) -> str:
    """Text as it is given. Raises TypeError for anything else, a missing value too."""
    if not isinstance(value, str):
        raise TypeError(f"wanted text, got {value!r}")
    return value


def number(value: Any) -> float:
    """A finite number as it is given. Raises TypeError for anything else, NaN too."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not math.isfinite(value):
        failed = "" if value is None or not known else "; a run that failed is named in diverged"
        raise TypeError(f"wanted a finite number, got {value!r}{failed}")
    return float(value)


def failed(told: Told, seeds: Sequence[str]) -> tuple[bool, ...]:
    """One flag a seed, from the list of names in diverged.json; () without the file."""
    if DIVERGED not in told.said:
        return ()
    names = told.said[DIVERGED]
    if not isinstance(names, list) or any(name not in seeds for name in names):
        raise ValueError(f"diverged.json: wanted a list of names of seeds, got {names!r}")
    return tuple(seed in names for seed in seeds)


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
    listed = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not listed or len(set(names)) != len(names):
        raise ValueError(f"{TOGETHER}.json: wanted names as a list of seeds, got {names!r}")
    for kind, items in lists.items():
        if not isinstance(items, list) or len(items) != len(names):
            raise ValueError(f"{TOGETHER}.json: wanted {len(names)} {kind}, as many as names")
    return {kind: dict(zip(names, items, strict=True)) for kind, items in lists.items()}


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: wanted JSON, got {error}") from error
