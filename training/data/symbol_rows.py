"""Rows of symbols from a file: from the symbols so far in a row, the next one.

Each row is an independent sequence of whole numbers, as in the published data of hidden quantum
Markov models (Srinivasan, Gordon & Boots 2018, arXiv 1710.09016): .mat files whose arrays
[row, position] are found by key ("data.trn_data" within a struct).
"""

from pathlib import Path
from typing import Any

import numpy as np

from interpretable_arch.registry import nearest
from training.data.rows import rows_task
from training.data.task import Task


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
    known = np.unique(np.concatenate([part.ravel() for part in parts]))
    coded = [np.searchsorted(known, part) for part in parts]
    return rows_task(
        f"next symbol of {place.stem}",
        coded[0],
        coded[1],
        [str(symbol) for symbol in known],
        context,
        burn_in,
        None if truth is None else _truth(place, truth, coded[1], burn_in),
    )


def _truth(place: Path, keys: list[str], rows: np.ndarray, burn_in: int) -> float:
    from training.data.observable_operators import of_hidden_markov

    if len(keys) != 2:
        raise ValueError(f"truth: wants two keys, of transition and of emission, got {keys}")
    transition, emission = (np.asarray(_array(place, key), dtype=float) for key in keys)
    return of_hidden_markov(transition.T, emission.T).loss(rows, burn_in)


def _array(place: Path, key: str) -> np.ndarray:
    if not place.exists():
        raise ValueError(f"path: there is no file or folder {str(place)!r}")
    if place.is_dir():
        return _file(place / key)
    if place.suffix == ".mat":
        from scipy.io import loadmat

        found: Any = loadmat(place, squeeze_me=True, struct_as_record=False)
    elif place.suffix == ".npz":
        found = dict(np.load(place))
    else:
        raise ValueError(f"path: wants a .mat or .npz file or a folder, got {str(place)!r}")
    for name in key.split("."):
        known = found if isinstance(found, dict) else dict(vars(found))
        if name not in known:
            visible = [k for k in known if not k.startswith("_")]
            raise ValueError(nearest(str(place), name, visible))
        found = known[name]
    return np.asarray(found)


def _file(place: Path) -> np.ndarray:
    if not place.exists():
        raise ValueError(f"path: there is no file {str(place)!r}")
    if place.suffix == ".npy":
        return np.load(place)
    try:
        return np.loadtxt(place, delimiter="," if place.suffix == ".csv" else None, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{place}: wants rows of whole numbers of one length: {error}") from error


def _whole_numbers(array: np.ndarray, what: str) -> np.ndarray:
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "iuf":
        raise ValueError(
            f"{what}: wants rows of numbers [row, position], got shape {array.shape} "
            f"of {array.dtype}"
        )
    if not np.array_equal(array, np.round(array)):
        raise ValueError(f"{what}: wants whole numbers, got others")
    return array.astype(np.int64)
