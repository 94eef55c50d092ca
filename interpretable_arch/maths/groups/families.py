"""The small groups that have a name, each once: S3 and D3 are one group, so only S3 is listed.

Symmetric and alternating groups on three and four letters, cyclic groups Z2 to Z24, dihedral groups
D3 to D8, quaternions, dicyclic groups, and the direct products of any two of these.  Where
a group has several names the one listed is the shortest in kind: a factor before a product.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from interpretable_arch.maths.groups.finite_groups import FiniteGroup, parse
from interpretable_arch.maths.groups.isomorphism import fingerprint, isomorphism

FACTORS = (
    *(f"Z{n}" for n in range(2, 25)),
    *("S3", "S4", "A4", "Q8"),
    *(f"D{n}" for n in range(3, 9)),
    *(f"Dic{n}" for n in range(2, 16)),
)
SPECIAL = {"S3": 6, "S4": 24, "A4": 12, "Q8": 8, "A5": 60, "S5": 120, "F21": 21}
SCALE = {"Z": 1, "D": 2, "Dic": 4}


def up_to_isomorphism(names: Iterable[str]) -> tuple[str, ...]:
    """The names that `finite_groups.parse` takes, the first of each isomorphism class kept."""
    kept: dict[object, list[tuple[str, FiniteGroup]]] = {}
    for name in names:
        group = parse(name)
        alike = kept.setdefault(fingerprint(group), [])
        if all(isomorphism(group, other) is None for _, other in alike):
            alike.append((name, group))
    found = [pair for alike in kept.values() for pair in alike]
    return tuple(name for name, _ in sorted(found, key=lambda pair: pair[1].order))


@cache
def named_groups(most_order: int = 60) -> tuple[str, ...]:
    """Every group of the families above up to an order, once, by order.

    Raises ValueError for an order below 2.
    """
    if most_order < 2:
        raise ValueError(f"most_order: wanted at least 2, got {most_order}")
    factors = [name for name in FACTORS if _order(name) <= most_order]
    pairs = itertools.combinations_with_replacement(factors, 2)
    products = [f"{a}x{b}" for a, b in pairs if _order(a) * _order(b) <= most_order]
    return up_to_isomorphism([*factors, *products])


@cache
def name_of(group: FiniteGroup) -> str | None:
    """A name for a group of these families, products of up to four, A5, S5 or F21; None else."""
    if group.order == 1:
        return "Z1"
    orders = Counter(group.element_orders.tolist())
    for name in _names_of_order(group.order):
        if _element_orders(name) == orders and isomorphism(group, parse(name)) is not None:
            return name
    return None


@cache
def _names_of_order(order: int) -> tuple[str, ...]:
    """Names with few factors first."""
    own = (f"Z{order}", "S3", "S4", "A4", "Q8", "A5", "S5", "F21")
    own += (f"D{order // 2}",) * (order % 2 == 0) + (f"Dic{order // 4}",) * (order % 4 == 0)
    single = tuple(name for name in dict.fromkeys((*own, *FACTORS)) if _order(name) == order)
    found = [name for name in single if name[1:] != "1" and name not in ("D2", "Dic1")]
    rest = [(name, order // _order(name)) for name in FACTORS if order % _order(name) == 0]
    longer = [f"{a}x{b}" for a, left in rest if left > 1 for b in _names_of_order(left)]
    return tuple(sorted((*found, *(n for n in longer if n.count("x") < 4)), key=_factors))


@cache
def _element_orders(name: str) -> Counter[int]:
    """How many elements have each order, from those of the factors."""
    first, _, rest = name.partition("x")
    own = Counter(parse(first).element_orders.tolist())
    if not rest:
        return own
    joint: Counter[int] = Counter()
    for (m, many), (n, times) in itertools.product(own.items(), _element_orders(rest).items()):
        joint[math.lcm(m, n)] += many * times
    return joint


def _factors(name: str) -> int:
    return name.count("x")


def _order(name: str) -> int:
    """The order, from the name alone."""
    total = 1
    for part in name.split("x"):
        match = re.fullmatch(r"([A-Za-z]+)(\d+)", part)
        assert match is not None, part
        total *= SPECIAL[part] if part in SPECIAL else SCALE[match[1]] * int(match[2])
    return total
