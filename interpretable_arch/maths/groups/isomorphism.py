"""Are two groups the same up to the names of their elements?

A homomorphism is settled by where it takes a set of generators.  So images of the generators are
tried one after another, each among the elements that share an isomorphism's invariants (order,
size of the class, number of square roots, the same of the square), and a choice is dropped as soon
as the subgroup generated so far has no homomorphism on it.

Source: D. F. Holt, B. Eick, E. A. O'Brien, Handbook of Computational Group Theory (2005), 8.1.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Int

from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.group_law import products_of

Kind = tuple[int, ...]


@lru_cache(maxsize=1024)
def element_kinds(group: FiniteGroup) -> tuple[Kind, ...]:
    """For each element what every isomorphism keeps: orders, class sizes, numbers of roots."""
    squares = group.table.diagonal()
    roots = np.bincount(squares.numpy(), minlength=group.order)
    sizes = [len(group.classes[c]) for c in group.class_of.tolist()]
    orders = group.element_orders.tolist()
    own = list(zip(orders, sizes, roots.tolist(), strict=True))
    return tuple((*own[g], *own[s]) for g, s in enumerate(squares.tolist()))


@lru_cache(maxsize=1024)
def fingerprint(group: FiniteGroup) -> tuple[int, tuple[Kind, ...]]:
    """Equal for isomorphic groups; for others it may be."""
    return group.order, tuple(sorted(element_kinds(group)))


@lru_cache(maxsize=1024)
def short_generators(group: FiniteGroup) -> tuple[int, ...]:
    """Generators, each chosen to enlarge the subgroup most; few, though not always the fewest."""
    chosen: list[int] = []
    inside = products_of(group.table, group.identity, chosen)
    while not bool(inside.all()):
        rest = [g for g in range(group.order) if not inside[g]]
        grown = {g: products_of(group.table, group.identity, [*chosen, g]) for g in rest}
        best = max(rest, key=lambda g: int(grown[g].sum()))
        chosen.append(best)
        inside = grown[best]
    return tuple(chosen)


def isomorphism(first: FiniteGroup, second: FiniteGroup) -> Int[np.ndarray, "order"] | None:
    """f with f[a·b] = f[a]·f[b], one to one, as the images of the first group's elements.

    None where the groups are not isomorphic: the search is complete.
    """
    if fingerprint(first) != fingerprint(second):
        return None
    generators = short_generators(first)
    kinds, others = element_kinds(first), element_kinds(second)
    candidates = [[h for h in range(second.order) if others[h] == kinds[s]] for s in generators]
    return _extend(first, second, generators, candidates, [])


def _extend(
    first: FiniteGroup,
    second: FiniteGroup,
    generators: tuple[int, ...],
    candidates: list[list[int]],
    images: list[int],
) -> np.ndarray | None:
    chosen = len(images)
    found = _homomorphism(first, second, generators[:chosen], images)
    if found is None or chosen == len(generators):
        return found
    for image in candidates[chosen]:
        onward = _extend(first, second, generators, candidates, [*images, image])
        if onward is not None:
            return onward
    return None


def _homomorphism(
    first: FiniteGroup, second: FiniteGroup, generators: tuple[int, ...], images: list[int]
) -> np.ndarray | None:
    """The one-to-one homomorphism on the subgroup of the generators, -1 elsewhere; or None."""
    f = np.full(first.order, -1)
    f[first.identity] = second.identity
    law, other = first.table.numpy(), second.table.numpy()
    frontier = [first.identity]
    while frontier:
        a = frontier.pop()
        for s, image in zip(generators, images, strict=True):
            product, wanted = law[a, s], other[f[a], image]
            if f[product] == -1:
                f[product] = wanted
                frontier.append(int(product))
            elif f[product] != wanted:
                return None
    reached = f[f >= 0]
    return f if len(np.unique(reached)) == len(reached) else None
