"""Finite metric spaces with known geometry, and those of a file: distances, edges, names.

tree       every node has `branching` children down to `depth`; steps along edges: hyperbolic
cycle      steps around a ring of `size` points: a circle, kappa = (2 pi / size)^2
grid       `rows` x `columns` points of the plane, Euclidean (flat) or city-block (not flat) apart
torus      points of two rings, `rows` and `columns` long, squared distances added: S1 x S1
sphere     `size` random points of the unit sphere, along great circles
file       a square table of distances, or edges `a,b` or `a,b,length`, distances the shortest ways;
           numbers alone that could be both are a table where the diagonal is 0
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.geometry.sphere import Sphere
from interpretable_arch.registry import nearest

MOST_POINTS = 1000
POWERS = {"euclidean": 2.0, "city_block": 1.0}


@dataclass(frozen=True, eq=False)
class Space:
    """All distances, float64; `edges` are the pairs to draw."""

    distances: Float[Tensor, "point point"]
    edges: tuple[tuple[int, int], ...]
    names: tuple[str, ...]


def tree(branching: int, depth: int) -> Space:
    """A balanced tree, node 0 the root; the children of i are branching i + 1, ..."""
    _at_least(branching=(branching, 1), depth=(depth, 1))
    count = sum(branching**k for k in range(depth + 1))
    edges = tuple(((i - 1) // branching, i) for i in range(1, count))
    return Space(_steps(count, edges), edges, _numbered(count))


def cycle(size: int) -> Space:
    """A ring of at least 3 points."""
    _at_least(size=(size, 3))
    edges = tuple((i, (i + 1) % size) for i in range(size))
    return Space(_ring(size), edges, _numbered(size))


def grid(rows: int, columns: int, metric: str) -> Space:
    """Points (row, column) at unit spacing."""
    _at_least(rows=(rows, 1), columns=(columns, 1), points=(rows * columns, 3))
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).double()
    if metric not in POWERS:
        raise ValueError(nearest("metric", metric, POWERS))
    power = POWERS[metric]
    distances = torch.cdist(places, places, p=power, compute_mode="donot_use_mm_for_euclid_dist")
    near = (torch.cdist(places, places, p=1.0) == 1).triu().nonzero()
    names = tuple(f"{int(r)},{int(c)}" for r, c in places.tolist())
    return Space(distances, tuple((i, j) for i, j in near.tolist()), names)


def torus(rows: int, columns: int) -> Space:
    """The product of two rings."""
    _at_least(rows=(rows, 3), columns=(columns, 3))
    squared = _ring(rows).square()[:, None, :, None] + _ring(columns).square()[None, :, None, :]
    distances = squared.sqrt().reshape(rows * columns, -1)
    names = tuple(f"{r},{c}" for r in range(rows) for c in range(columns))
    near = (distances == 1).triu().nonzero()
    return Space(distances, tuple((i, j) for i, j in near.tolist()), names)


def sphere(size: int, seed: int) -> Space:
    """Random points of the unit 2-sphere, evenly spread in the mean."""
    _at_least(size=(size, 3))
    drawn = torch.from_numpy(np.random.default_rng(seed).normal(size=(size, 3)))
    whole = Sphere(2)
    return Space(whole.between(whole.retract(drawn)).sqrt(), (), _numbered(size))


def read(path: str) -> Space:
    """A CSV file: a square table of numbers, or rows of two names and, if wanted, a length.

    Raises ValueError for a file that can't be read and, with the place, for what is neither, for a
    table that is not symmetric, for two lengths of one edge, and for a graph in parts.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    except OSError as error:
        raise ValueError(f"path: wanted a file, got {path}: {error.strerror}") from error
    if not rows:
        raise ValueError(f"path: wanted rows, got none in {path}")
    widths = {len(row) for row in rows}
    numbers = [[_number(c) for c in row] for row in rows]
    if widths == {len(rows)} and all(n is not None for row in numbers for n in row):
        table = torch.tensor(numbers, dtype=torch.float64)
    else:
        table = None
    if table is not None and not _read_as_edges(rows, table):
        check_distances(table)
        return Space(table, (), _numbered(len(table)))
    if not widths <= {2, 3}:
        wanted = "a square table of numbers, or rows of 2 or 3"
        raise ValueError(f"path: wanted {wanted}, got {len(rows)} rows of {sorted(widths)[:4]}")
    return _graph(rows)


def _read_as_edges(rows: Sequence[Sequence[str]], table: Float[Tensor, "point point"]) -> bool:
    """Whether a square of numbers is a list of edges: 2 or 3 wide, each row an edge, and no table.

    A diagonal of 0 says table. So does a symmetric 3 x 3 with a 0 there: one wrong cell must not
    turn a table into edges.
    """
    zeros = int((table.diagonal() == 0).sum())
    nearly = len(table) == 3 and zeros > 0 and torch.equal(table, table.T)
    edges = len(table) in (2, 3) and all(_is_edge(row) for row in rows)
    return edges and zeros < len(table) and not nearly


def check_distances(table: Float[Tensor, "point point"]) -> None:
    """ValueError, with the place, for what is no table of distances of different points."""
    n = len(table)
    for wrong, wanted in (
        (~table.isfinite(), "finite numbers"),
        (table < 0, "0 or more"),
        (torch.eye(n, dtype=torch.bool) & (table != 0), "0 on the diagonal"),
        (~torch.eye(n, dtype=torch.bool) & (table == 0), "more than 0 between two points"),
        ((table - table.T).abs() > 1e-9 * table.abs().max(), "a symmetric table"),
    ):
        if wrong.any():
            i, j = wrong.nonzero()[0].tolist()
            got = f"{float(table[i, j]):g} at {i}, {j}"
            if "symmetric" in wanted:
                got += f" and {float(table[j, i]):g} at {j}, {i}"
            raise ValueError(f"distances: wanted {wanted}, got {got}")


def _graph(rows: Sequence[Sequence[str]]) -> Space:
    index: Mapping[str, int] = {
        name: k for k, name in enumerate(dict.fromkeys(n for row in rows for n in row[:2]))
    }
    edges, lengths = [], []
    seen: dict[frozenset[str], float] = {}
    for line, row in enumerate(rows, 1):
        length = _length(row)
        if length is None or not _is_edge(row):
            raise ValueError(
                f"path: wanted two names and a length above 0, got {list(row)} in row {line}"
            )
        known = seen.setdefault(frozenset(row[:2]), length)
        if known != length:
            wanted = f"one length for {row[0]} and {row[1]}"
            raise ValueError(f"path: wanted {wanted}, got {known:g} and {length:g} in row {line}")
        edges.append((index[row[0]], index[row[1]]))
        lengths.append(length)
    return Space(_steps(len(index), edges, lengths, tuple(index)), tuple(edges), tuple(index))


def _length(row: Sequence[str]) -> float | None:
    return _number(row[2]) if len(row) > 2 else 1.0


def _is_edge(row: Sequence[str]) -> bool:
    """Two different names, none empty, and a finite length above 0 where one is given."""
    length = _length(row)
    named = bool(row[0] and row[1]) and row[0] != row[1]
    return named and length is not None and 0 < length < math.inf


def _steps(
    count: int,
    edges: Sequence[tuple[int, int]],
    lengths: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
) -> Float[Tensor, "point point"]:
    """The shortest ways along edges, length 1 by default."""
    from scipy.sparse.csgraph import shortest_path

    if count > MOST_POINTS:
        raise ValueError(f"points: wanted at most {MOST_POINTS}, got {count}")
    weights = np.zeros((count, count))
    for (i, j), length in zip(edges, lengths or [1.0] * len(edges), strict=True):
        known = weights[i, j]
        weights[i, j] = weights[j, i] = min(known, length) if known else length
    found = torch.from_numpy(shortest_path(weights, directed=False))
    apart = found.isinf().nonzero()
    if len(apart):
        i, j = apart[0].tolist()
        one, other = (names[i], names[j]) if names else (i, j)
        raise ValueError(f"edges: wanted a connected graph, got no way from {one} to {other}")
    return found


def _ring(size: int) -> Float[Tensor, "point point"]:
    steps = (torch.arange(size)[:, None] - torch.arange(size)).abs()
    return torch.minimum(steps, size - steps).double()


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _at_least(**sizes: tuple[int, int]) -> None:
    for name, (got, least) in sizes.items():
        if got < least:
            raise ValueError(f"{name}: wants {least} or more, got {got}")
