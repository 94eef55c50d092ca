"""Rows of symbols from a file: from the symbols so far in a row, the next one.

Each row is an independent sequence of whole numbers, as in the published data of hidden quantum
Markov models (Srinivasan, Gordon & Boots 2018, arXiv 1710.09016): .mat files whose arrays
[row, position] are found by key ("data.trn_data" within a struct).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from interpretable_arch.registry import nearest
from training.data.rows import check_burn_in, rows_task
from training.data.task import Task

EXACT = 2.0**53  # from here on a float does not tell neighbours apart


def symbol_rows(
    path: str,
    train: str,
    held_out: str,
    context: int | None = None,
    burn_in: int = 1000,
    truth: list[str] | None = None,
) -> Task:
    """Next-symbol prediction on the rows of two arrays [row, position].

    `path` is a .mat or .npz file and `train`, `held_out` its keys, or a folder and these its files
    (.npy, or .txt and .csv with one row a line). Training reads windows of `context` symbols, or
    whole rows; held-out rows are read whole and scored after `burn_in`. `truth` gives keys of the
    hidden Markov model that made the rows, if known: its transition matrix [to, from] and its
    emission matrix [symbol, state], whose columns sum to one, as the published data have them.
    Raises ValueError for what is missing or no rows of whole numbers, and for options out of range.
    """
    place = Path(path).expanduser()
    parts = [_whole_numbers(_array(place, part), f"{path}: {part}") for part in (train, held_out)]
    check_burn_in(burn_in, parts[1].shape[1])
    known = np.unique(np.concatenate([part.ravel() for part in parts]))
    coded = [np.searchsorted(known, part) for part in parts]
    return rows_task(
        f"next symbol of {place.stem}",
        coded[0],
        coded[1],
        [str(symbol) for symbol in known],
        context,
        burn_in,
        None if truth is None else _truth(place, truth, parts[1], known, burn_in),
    )


def _truth(
    place: Path, keys: list[str], rows: np.ndarray, known: np.ndarray, burn_in: int
) -> float:
    """The loss of the process on the file's own symbols: the least is its first, no gap closed."""
    from training.data.observable_operators import of_hidden_markov

    if len(keys) != 2:
        raise ValueError(f"truth: wants two keys, of transition and of emission, got {keys}")
    transition, emission = (_numbers(_array(place, key), f"{place}: {key}") for key in keys)
    least, most = int(known[0]), int(known[-1])
    if most - least + 1 != len(emission):
        raise ValueError(
            f"truth: wants a row of {keys[1]} for each symbol from the least to the largest, "
            f"{least} to {most}, got {len(emission)} rows"
        )
    process = of_hidden_markov(transition.T, emission.T)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = process.loss(rows - least, burn_in)
    if not np.isfinite(found):
        raise ValueError(
            f"truth: wants a process in which every held-out row can occur, got a loss of {found}"
        )
    return found


def _numbers(array: np.ndarray, what: str) -> np.ndarray:
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "iuf":
        raise ValueError(
            f"{what}: wants a matrix of numbers, got shape {array.shape} of {array.dtype}"
        )
    return array.astype(float)


def _array(place: Path, key: str) -> np.ndarray:
    if not place.exists():
        raise ValueError(f"path: there is no file or folder {str(place)!r}")
    if place.is_dir():
        return _file(place / key)
    if place.suffix == ".mat":
        from scipy.io import loadmat

        # Not squeezed: a single row would lose the axis that says so.
        found = _read(lambda: loadmat(place, struct_as_record=False), place, key)
        return _below(found, place, key)
    if place.suffix == ".npz":
        return _read(lambda: _stored(place, key), place, key)
    raise ValueError(f"path: wants a .mat or .npz file or a folder, got {str(place)!r}")


def _below(found: Any, place: Path, key: str) -> np.ndarray:
    """What lies under the names of `key`, one struct in the next."""
    passed = list[str]()
    for name in key.split("."):
        if isinstance(found, np.ndarray):
            what = f"{place}: {key}"
            raise ValueError(f"{what}: nothing lies below the array {'.'.join(passed)!r}")
        known = found if isinstance(found, dict) else dict(vars(found))
        if name not in known:
            visible = [k for k in known if not k.startswith("_")]
            raise ValueError(nearest(str(place), name, visible))
        found = known[name]
        # A struct comes as the only entry of an array of objects.
        if isinstance(found, np.ndarray) and found.dtype == object and found.size == 1:
            found = found.item()
        passed.append(name)
    return np.asarray(found)


def _stored(place: Path, key: str) -> np.ndarray:
    with np.load(place) as found:
        if key not in found.files:
            raise KeyError(nearest(str(place), key, found.files))
        return found[key]


def _file(place: Path) -> np.ndarray:
    if not place.is_file():
        raise ValueError(f"path: there is no file {str(place)!r}")
    if place.suffix == ".npy":
        return _read(lambda: np.load(place), place.parent, place.name)
    try:
        return np.loadtxt(place, delimiter="," if place.suffix == ".csv" else None, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{place}: wants rows of whole numbers of one length: {error}") from error


def _read(load: Callable[[], Any], place: Path, key: str) -> Any:
    """What `load` gives; whatever it finds wrong with the file is said of the file."""
    try:
        return load()
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    except Exception as error:
        kind = type(error).__name__
        raise ValueError(
            f"{place}: {key}: wants arrays of numbers, cannot be read as such ({kind})"
        ) from None


def _whole_numbers(array: np.ndarray, what: str) -> np.ndarray:
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "iuf":
        raise ValueError(
            f"{what}: wants rows of numbers [row, position], got shape {array.shape} "
            f"of {array.dtype}"
        )
    if not np.isfinite(array).all() or not np.array_equal(array, np.round(array)):
        raise ValueError(f"{what}: wants whole numbers, got others")
    if np.abs(array.astype(float)).max() >= EXACT:
        raise ValueError(f"{what}: wants whole numbers below 2^53 in size, got larger ones")
    return array.astype(np.int64)
