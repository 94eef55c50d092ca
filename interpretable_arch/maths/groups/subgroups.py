"""Subgroups up to conjugacy, and the linear characters H -> {roots of unity} of a subgroup H."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.group_law import products_of


@dataclass(frozen=True)
class Subgroup:
    """The elements of a subgroup, ascending, and elements that generate it."""

    elements: tuple[int, ...]
    generators: tuple[int, ...]


def subgroup_layers(group: FiniteGroup) -> Iterator[tuple[Subgroup, ...]]:
    """One subgroup of each conjugacy class, by the number of generators needed: 0, 1, 2, ..."""
    trivial = Subgroup((group.identity,), ())
    seen = {trivial.elements}
    layer: tuple[Subgroup, ...] = (trivial,)
    while layer:
        yield layer
        onward = []
        for subgroup in layer:
            inside = set(subgroup.elements)
            for g in (g for g in range(group.order) if g not in inside):
                grown = _generate(group, (*subgroup.generators, g))
                if grown.elements not in seen:
                    seen |= _conjugates(group, grown)
                    onward.append(grown)
        layer = tuple(onward)


def _generate(group: FiniteGroup, generators: tuple[int, ...]) -> Subgroup:
    reached = products_of(group.table, group.identity, generators)
    return Subgroup(tuple(np.flatnonzero(reached.numpy()).tolist()), generators)


def _conjugates(group: FiniteGroup, subgroup: Subgroup) -> set[tuple[int, ...]]:
    table, elements = group.table.numpy(), list(subgroup.elements)
    moved = table[table[:, elements], group.inverse.numpy()[:, None]]  # [x, h] = x·h·x^-1
    return set(map(tuple, np.unique(np.sort(moved, axis=1), axis=0).tolist()))


def linear_characters(
    group: FiniteGroup, subgroup: Subgroup
) -> Int[np.ndarray, "character element"]:
    """Every homomorphism of H into the roots of unity: k with lambda(h) = exp(2 pi i k / exponent).

    Columns follow `subgroup.elements`; the trivial character is first.
    """
    exponent, generators = group.exponent, subgroup.generators
    counts = _words(group, subgroup)
    table = group.table.numpy()
    column = {h: k for k, h in enumerate(subgroup.elements)}
    relations = [
        counts[h] + np.eye(len(generators), dtype=np.int64)[j] - counts[int(table[h, s])]
        for h in subgroup.elements
        for j, s in enumerate(generators)
    ]
    steps = [exponent // int(group.element_orders[s]) for s in generators]
    tuples = list(itertools.product(*(range(0, exponent, step) for step in steps)))
    choices = np.array(tuples, dtype=np.int64).reshape(len(tuples), len(generators))
    if relations:
        choices = choices[~(choices @ np.stack(relations).T % exponent).any(axis=1)]
    words = np.stack([counts[h] for h in column])
    return choices @ words.T % exponent


def _words(group: FiniteGroup, subgroup: Subgroup) -> dict[int, np.ndarray]:
    """How often each generator occurs in one word for each element."""
    counts = {group.identity: np.zeros(len(subgroup.generators), dtype=np.int64)}
    frontier = [group.identity]
    while frontier:
        h = frontier.pop()
        for j, s in enumerate(subgroup.generators):
            product = int(group.table[h, s])
            if product not in counts:
                counts[product] = counts[h].copy()
                counts[product][j] += 1
                frontier.append(product)
    return counts
