"""How many relations more than generators a finite group needs: the rank of its Schur multiplier.

A presentation of G with g generators and r relations has r - g >= d(H_2(G, Z)), the least number
of generators of the multiplier; the same for n letters of a table.  Here H_2(G, F_p) comes from the
Cayley complex of a presentation by generators s: with the Fox derivatives of its relations as
D: F_p[G]^r -> F_p[G]^g it is ker(D on coinvariants) modulo the image of ker D, and

    d_p(H_2(G, Z)) = dim H_2(G, F_p) - dim (G / [G, G]) (x) F_p.

Sources: D. B. A. Epstein, Quart. J. Math. 12 (1961) 205; K. S. Brown, Cohomology of Groups (1982),
section II.5.
"""

import numpy as np
from jaxtyping import Int

from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.isomorphism import short_generators

LARGEST = 128  # above, the matrices are large


def multiplier_rank(group: FiniteGroup) -> int:
    """d(H_2(G, Z)): 0 for cyclic groups and quaternions, 1 for S4 and Z2xZ2, 3 for Z2xZ2xZ2.

    Raises ValueError above order 128.
    """
    if group.order > LARGEST:
        raise ValueError(f"group: wanted an order of at most {LARGEST}, got {group.order}")
    if group.order == 1:
        return 0
    primes = [p for p in range(2, group.order + 1) if group.order % p == 0 and _is_prime(p)]
    relations = _relations(group)
    return max((_rank_at(group, relations, p) for p in primes), default=0)


def _rank_at(group: FiniteGroup, relations: np.ndarray, p: int) -> int:
    count, order, generators = relations.shape
    on_coinvariants = relations.sum(axis=1) % p
    rank = _rank(on_coinvariants, p)
    law = group.table.numpy()
    moved = np.zeros((order, count, order, generators), dtype=np.int64)
    for x in range(order):
        moved[x][:, law[x]] = relations
    D = moved.reshape(order * count, order * generators)
    augmented = np.concatenate([D, np.tile(np.eye(count, dtype=np.int64), (order, 1))], axis=1)
    image_of_kernel = _rank(augmented, p) - _rank(D, p)
    abelian = generators - rank
    return (count - rank - image_of_kernel) - abelian


def _relations(group: FiniteGroup) -> Int[np.ndarray, "relation order generator"]:
    """Fox derivatives of one relation for each arrow of the Cayley graph outside a tree.

    Entry [i, g, s] counts how often relation i passes the arrow s out of g, against it as -1.
    """
    generators, law = short_generators(group), group.table.numpy()
    path = {group.identity: np.zeros((group.order, len(generators)), dtype=np.int64)}
    frontier, outside = [group.identity], []
    for g in frontier:
        for j, s in enumerate(generators):
            product = int(law[g, s])
            along = path[g].copy()
            along[g, j] += 1
            if product in path:
                outside.append((along, product))
            else:
                path[product] = along
                frontier.append(product)
    return np.stack([along - path[end] for along, end in outside])


def _rank(matrix: np.ndarray, p: int) -> int:
    """The rank modulo p, by elimination of columns."""
    work = np.unique(matrix % p, axis=0)
    rank = 0
    for column in range(work.shape[1]):
        rows = np.flatnonzero(work[rank:, column]) + rank
        if not len(rows):
            continue
        work[[rank, rows[0]]] = work[[rows[0], rank]]
        work[rank] = work[rank] * pow(int(work[rank, column]), -1, p) % p
        below = rows[work[rows, column] != 0]
        below = below[below > rank]
        work[below] = (work[below] - work[below, column, None] * work[rank]) % p
        rank += 1
        if rank == len(work):
            break
    return rank


def _is_prime(n: int) -> bool:
    return all(n % d for d in range(2, int(n**0.5) + 1))
