"""Is a table the multiplication table of a group?  If not, which elements show it?

A table T on 0..n-1 with T[a, b] = a·b is a group when it is closed, a Latin square, has a two-sided
identity, and (a·b)·c = a·(b·c).  Associativity is decided by Light's test: the set of middle
factors b for which the law holds for all a and c is closed under the product, so generators suffice
and n^2 comparisons a generator replace n^3.

Source: A. H. Clifford and G. B. Preston, The Algebraic Theory of Semigroups I (1961), section 1.2.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor


def check_group(table: Int[Tensor, "order order"], labels: Sequence[str], name: str) -> int:
    """Return the identity's index of a group's table.

    Raises ValueError naming the elements that break the first law that fails: the pair whose
    product falls outside, the two pairs with one product, the missing identity, or the triple
    (a, b, c) with both of its products.
    """
    _check_closure(table, name)
    _check_latin(table, labels, name)
    identity = _find_identity(table, name)
    _check_associative(table, identity, labels, name)
    return identity


def generating_set(table: Int[Tensor, "order order"], identity: int) -> tuple[int, ...]:
    """Elements whose products reach all others, found greedily from the lowest index."""
    generators: list[int] = []
    reached = torch.zeros(len(table), dtype=torch.bool)
    reached[identity] = True
    while not bool(reached.all()):
        generators.append(int(torch.nonzero(~reached)[0]))
        reached = products_of(table, identity, generators)
    return tuple(generators)


def products_of(table: Tensor, identity: int, generators: Sequence[int]) -> Tensor:
    """Mark the elements that are products of the generators, as booleans [order]."""
    chosen = torch.tensor(list(generators), dtype=torch.long)
    reached = torch.zeros(len(table), dtype=torch.bool)
    frontier = torch.tensor([identity])
    while len(frontier):
        reached[frontier] = True
        onward = torch.unique(table[frontier][:, chosen])
        frontier = onward[~reached[onward]]
    return reached


def _spell(index: int, labels: Sequence[str]) -> str:
    return f"{index} ({labels[index]})" if labels[index] != str(index) else str(index)


def _check_closure(table: Tensor, name: str) -> None:
    order = len(table)
    outside = torch.nonzero((table < 0) | (table >= order))
    if len(outside):
        a, b = outside[0].tolist()
        raise ValueError(
            f"table of {name} is not closed: {a}·{b} = {int(table[a, b])}, "
            f"wanted an element of 0..{order - 1}"
        )


def _check_latin(table: Tensor, labels: Sequence[str], name: str) -> None:
    for rows, side in ((table, "row"), (table.T, "column")):
        ordered, place = rows.sort(dim=1, stable=True)
        twice = torch.nonzero(ordered[:, 1:] == ordered[:, :-1])
        if len(twice):
            line, column = twice[0].tolist()
            first, second = place[line, column : column + 2].tolist()
            pairs = [(line, first), (line, second)]
            if side == "column":
                pairs = [(b, a) for a, b in pairs]
            spelt = " = ".join(f"{_spell(a, labels)}·{_spell(b, labels)}" for a, b in pairs)
            value = _spell(int(ordered[line, column]), labels)
            raise ValueError(
                f"table of {name} is no Latin square: {side} {line} holds {value} twice, "
                f"{spelt} = {value}"
            )


def _find_identity(table: Tensor, name: str) -> int:
    elements = torch.arange(len(table))
    left = (table == elements).all(dim=1)
    right = (table == elements[:, None]).all(dim=0)
    both = torch.nonzero(left & right)
    if not len(both):
        raise ValueError(
            f"table of {name} has no identity: wanted an element e with e·a = a·e = a for all a; "
            f"left identities {torch.nonzero(left).flatten().tolist()}, "
            f"right identities {torch.nonzero(right).flatten().tolist()}"
        )
    return int(both[0])


def _check_associative(table: Tensor, identity: int, labels: Sequence[str], name: str) -> None:
    for middle in generating_set(table, identity):
        left = table[table[:, middle]]
        right = table[:, table[middle]]
        wrong = torch.nonzero(left != right)
        if len(wrong):
            a, c = wrong[0].tolist()
            first, second, third = (_spell(i, labels) for i in (a, middle, c))
            raise ValueError(
                f"table of {name} is not associative at the triple (a, b, c) = "
                f"({first}, {second}, {third}): "
                f"(a·b)·c = {_spell(int(left[a, c]), labels)} but "
                f"a·(b·c) = {_spell(int(right[a, c]), labels)}"
            )
