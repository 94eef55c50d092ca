"""Solution classes: which seeds found the same solution, by a rule stated before looking.

Two rules: complete linkage on a distance matrix, cut at a threshold, so that no two seeds of a
class lie farther apart than that; or the label that each model gives of itself. A seed that
diverged has no solution to compare: all such seeds form one class, "diverged", which no other seed
joins.

Complete linkage: Sorensen 1948; optimal leaf order of the tree: Bar-Joseph, Gifford, Jaakkola 2001.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform
from torch import Tensor

from analysis.stability.estimates.intervals import off_diagonal

DIVERGED = "diverged"
UNREAD = "unread "  # how the label of a seed begins that could not be read


@dataclass(frozen=True)
class Linkage:
    """Complete-linkage trees of all seeds, and of all but each one, to be cut at any threshold.

    `tree` and each of `without` have scipy's form, one row a merge; the tree of one seed is empty.
    """

    tree: np.ndarray
    without: tuple[np.ndarray, ...]

    @property
    def heights(self) -> tuple[float, ...]:
        """The distances at which classes merge: the only thresholds where anything changes."""
        return tuple(sorted(set(self.tree[:, 2].tolist())))

    def classes(self, threshold: float) -> list[int]:
        """Class of each seed; seeds exactly `threshold` apart still join."""
        return _cut(self.tree, threshold)

    def classes_without(self, seed: int, threshold: float) -> list[int]:
        """Class of each other seed, found anew without that one; needs two seeds."""
        return _cut(self.without[seed], threshold)


def link(distances: Float[Tensor, "seed seed"]) -> Linkage:
    """The trees of a distance matrix.

    Raises ValueError unless it is symmetric, finite and nowhere negative.
    """
    matrix = off_diagonal(distances).numpy()
    if matrix.min() < 0:
        raise ValueError(f"distances: wanted none below 0, got {matrix.min():.3g}")
    seeds = len(matrix)
    subsets = [np.delete(np.arange(seeds), seed) for seed in range(seeds if seeds > 1 else 0)]
    return Linkage(_tree(matrix), tuple(_tree(matrix[np.ix_(kept, kept)]) for kept in subsets))


def distance_classes(
    distances: Float[Tensor, "seed seed"], threshold: float
) -> Int[Tensor, "seed"]:
    """Class of each seed by complete linkage cut at `threshold` (a distance equal to it joins).

    Classes are numbered from 0 by size, then by first member. Raises ValueError as `link` does, and
    on a threshold that is no number >= 0.
    """
    return number_classes(link(distances).classes(threshold))


def number_classes(labels: Sequence[Hashable]) -> Int[Tensor, "seed"]:
    """Labels as class numbers from 0, the largest class first, ties by first member."""
    sizes = Counter(labels)  # keeps the order of first appearance, and so does the stable sort
    rank = {label: n for n, label in enumerate(sorted(sizes, key=lambda label: -sizes[label]))}
    return torch.tensor([rank[label] for label in labels], dtype=torch.long)


def class_counts(classes: Int[Tensor, "seed"]) -> Int[Tensor, "class"]:
    """Number of seeds in each class that has any, largest first."""
    return torch.unique(classes, return_counts=True)[1].sort(descending=True).values


def same_class(classes: Int[Tensor, "seed"]) -> Float[Tensor, "seed seed"]:
    """1 where two seeds share a class, else 0: its mean over pairs is the collision probability."""
    return (classes[:, None] == classes[None, :]).double()


def leaf_order(distances: Float[Tensor, "seed seed"]) -> tuple[int, ...]:
    """Order of the seeds that puts near ones side by side: the tree's leaves, optimally flipped."""
    tree = _tree(off_diagonal(distances).numpy(), ordered=True)
    return tuple(leaves_list(tree).tolist()) if len(tree) else (0,)


def _tree(matrix: np.ndarray, *, ordered: bool = False) -> np.ndarray:
    if len(matrix) == 1:
        return np.empty((0, 4))
    return linkage(squareform(matrix, checks=False), "complete", optimal_ordering=ordered)


def _cut(tree: np.ndarray, threshold: float) -> list[int]:
    if not threshold >= 0:
        raise ValueError(f"threshold: wanted a number >= 0, got {threshold}")
    return fcluster(tree, threshold, "distance").tolist() if len(tree) else [1]
