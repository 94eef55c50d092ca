"""Permutations of 0..degree-1 as tuples of images, composed from the right: (a·b)(x) = a(b(x))."""

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

Permutation = tuple[int, ...]


def close(generators: Sequence[Sequence[int]], limit: int, name: str) -> list[Permutation]:
    """All products of the generators, sorted by images, so that the identity is first.

    Raises ValueError for no generator, for a tuple that is no permutation of 0..degree-1 (the
    degree being the first tuple's length), and for more than `limit` products.
    """
    steps = [tuple(generator) for generator in generators]
    if not steps:
        raise ValueError(f"generators of {name}: wanted at least one permutation, got none")
    start = tuple(range(len(steps[0])))
    for step in steps:
        if not step or sorted(step) != list(start):
            raise ValueError(
                f"generators of {name}: wanted permutations of 0..{len(start) - 1}, got {step}"
            )
    found, frontier = {start}, [start]
    while frontier:
        onward = {tuple(a[i] for i in s) for a in frontier for s in steps} - found
        found |= onward
        frontier = list(onward)
        if len(found) > limit:
            raise ValueError(f"generators of {name}: wanted at most {limit} elements, got more")
    return sorted(found)


def multiplication_table(elements: Sequence[Permutation]) -> Int[Tensor, "order order"]:
    """table[a, b] = index of a·b; the elements must be closed under products."""
    index = {element: i for i, element in enumerate(elements)}
    images = np.array(elements)
    rows = (images[a][images].tolist() for a in range(len(elements)))  # [b, x] = a(b(x))
    return torch.tensor([[index[tuple(product)] for product in row] for row in rows])


def cycles(permutation: Permutation) -> list[tuple[int, ...]]:
    """The disjoint cycles, fixed points included, each from its least element."""
    seen: set[int] = set()
    found = []
    for start in range(len(permutation)):
        cycle, x = [], start
        while x not in seen:
            seen.add(x)
            cycle.append(x)
            x = permutation[x]
        if cycle:
            found.append(tuple(cycle))
    return found


def cycle_type(permutation: Permutation) -> tuple[int, ...]:
    """The cycle lengths, longest first: a partition of the degree."""
    return tuple(sorted(map(len, cycles(permutation)), reverse=True))


def cycle_notation(permutation: Permutation) -> str:
    """Such as "(1 2)(3 4)", on 1..degree; "e" for the identity."""
    moved = [cycle for cycle in cycles(permutation) if len(cycle) > 1]
    return "".join(f"({' '.join(str(x + 1) for x in cycle)})" for cycle in moved) or "e"


def is_even(permutation: Permutation) -> bool:
    """Whether the number of pairs out of order is even."""
    return sum(a > b for a, b in itertools.combinations(permutation, 2)) % 2 == 0
