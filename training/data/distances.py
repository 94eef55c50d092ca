"""Distances between points: pairs (i, j), i < j, to how far apart they are, float64.

The spaces are those of `metric_spaces`. `noise` multiplies each distance by 1 + noise z, z normal,
the same both ways. With `share` below 1 the other pairs are held out; with 1 all pairs are shown
and measured on.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.registry import nearest
from training.data import metric_spaces
from training.data.metric_spaces import Space
from training.data.task import Split, Task, split_examples

Source = Literal["tree", "cycle", "grid", "torus", "sphere", "file"]
Triangle = Literal["allow", "refuse"]
MOST_MOVED = 0.9  # noise moves no distance by this share of it or more
ROUNDING = 1e-9  # of the largest distance: less is no break of the triangle inequality


@dataclass(frozen=True)
class Triangles:
    """How many pairs are longer than the way over a third point; the worst as (i, k, j).

    `count` is of triples: i < j and any third k; `excess` is D_ij / (D_ik + D_kj) - 1 of the worst.
    """

    count: int
    worst: tuple[int, int, int] | None
    excess: float


@dataclass(frozen=True, eq=False)
class DistanceTask(Task):
    """All pairs' distances as given, with the noise, and what to draw between points."""

    train: Split
    held_out: Split
    distances: Float[Tensor, "point point"] = field(kw_only=True)
    edges: tuple[tuple[int, int], ...] = field(kw_only=True)
    names: tuple[str, ...] = field(kw_only=True)
    triangles: Triangles = field(kw_only=True)

    def to(self, device: torch.device | str) -> "DistanceTask":
        """The same task with its tensors on `device`."""
        moved = super().to(device)
        assert isinstance(moved, DistanceTask)
        return replace(moved, distances=self.distances.to(device))


def distances(
    source: Source = "tree",
    branching: int = 2,
    depth: int = 4,
    size: int = 20,
    rows: int = 5,
    columns: int = 5,
    metric: Literal["euclidean", "city_block"] = "euclidean",
    path: str | None = None,
    noise: float = 0.0,
    noise_seed: int = 0,
    share: float = 1.0,
    split_seed: int = 0,
    triangle: Triangle = "allow",
) -> DistanceTask:
    """The distances of one space; arguments that the source has no use for are not looked at.

    Raises ValueError for a space that can't be made, for a file that holds no distances, and, where
    `triangle` says refuse, for distances that break the triangle inequality, naming the worst.
    """
    if source not in get_args(Source):
        raise ValueError(nearest("source", source, get_args(Source)))
    if triangle not in get_args(Triangle):
        raise ValueError(nearest("triangle", triangle, get_args(Triangle)))
    if not 0 <= noise < 0.3:
        raise ValueError(f"noise: wants 0 or more and below 0.3, got {noise}")
    if source == "file" and path is None:
        raise ValueError("path: wants a file for the source file, got none")
    space = {
        "tree": lambda: metric_spaces.tree(branching, depth),
        "cycle": lambda: metric_spaces.cycle(size),
        "grid": lambda: metric_spaces.grid(rows, columns, metric),
        "torus": lambda: metric_spaces.torus(rows, columns),
        "sphere": lambda: metric_spaces.sphere(size, noise_seed),
        "file": lambda: metric_spaces.read(str(path)),
    }[source]()
    return task_of(space, source, noise, noise_seed, share, split_seed, triangle)


def task_of(
    space: Space,
    name: str,
    noise: float = 0.0,
    noise_seed: int = 0,
    share: float = 1.0,
    split_seed: int = 0,
    triangle: Triangle = "allow",
) -> DistanceTask:
    """The task of any space: its pairs, the noise, the split. Raises ValueError as `distances`."""
    if len(space.distances) < 2:
        raise ValueError(f"points: wanted 2 or more, got {len(space.distances)}")
    table = noisy(space.distances, noise, noise_seed)
    broken = triangles(table)
    if broken.worst and triangle == "refuse":
        i, k, j = (space.names[p] for p in broken.worst)
        raise ValueError(
            f"triangle: wants none broken, got {broken.count}; the worst is {i} to {j}, "
            f"{1 + broken.excess:.4g} times the way over {k}"
        )
    count = len(table)
    i, j = torch.triu_indices(count, count, 1)
    every = Split(torch.stack([i, j], 1), table[i, j][:, None])
    train, held_out = (
        (every, every)
        if share == 1
        else split_examples(every.inputs, every.targets, share, split_seed)
    )
    return DistanceTask(
        name=f"distances of {count} points, {name}" + (f", noise {noise:g}" if noise else ""),
        train=train,
        held_out=held_out,
        outputs=1,
        labels=("distance",),
        dimensions={"points": count, "outputs": 1},
        unit="mean squared relative error",
        distances=table,
        edges=space.edges,
        names=space.names,
        triangles=broken,
    )


def noisy(table: Float[Tensor, "n n"], noise: float, seed: int) -> Float[Tensor, "n n"]:
    """Each pair's distance times 1 + noise z, z a standard normal draw with |noise z| < MOST_MOVED.

    A draw beyond that, which would leave a distance near 0 or below, is drawn again.
    """
    source = np.random.default_rng((seed, 2))
    drawn = np.triu(source.normal(size=tuple(table.shape)), 1)
    while (beyond := np.abs(noise * drawn) >= MOST_MOVED).any():
        drawn[beyond] = source.normal(size=int(beyond.sum()))
    return table * (1 + noise * torch.from_numpy(drawn + drawn.T)) if noise else table


def triangles(table: Float[Tensor, "n n"]) -> Triangles:
    """Every triple looked at."""
    count, worst, excess = 0, None, 0.0
    slack = ROUNDING * float(table.max())
    for i in range(len(table) - 1):
        over = table[i, :, None] + table  # [k, j]: from i over k to j
        direct = table[i].expand_as(over)
        broken = direct > over + slack
        broken[:, : i + 1] = False
        count += int(broken.sum())
        ratio = torch.where(broken, direct / over - 1, 0.0)
        if float(ratio.max()) > excess:
            excess = float(ratio.max())
            k, j = divmod(int(ratio.argmax()), len(table))
            worst = (i, k, j)
    return Triangles(count, worst, excess)
