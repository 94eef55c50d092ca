"""Products of constant-curvature spaces by name: "H2 x S1 x E1" (Gu et al. 2019, ICLR).

Squared distances add over the factors. Factors are put in the order S, E, H, the larger first, so
that a product has one name; flat factors join into one, as E1 x E1 is E2.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from interpretable_arch.maths.geometry.hyperboloid import Hyperboloid
from interpretable_arch.maths.geometry.plane import Plane
from interpretable_arch.maths.geometry.space import Space
from interpretable_arch.maths.geometry.sphere import Sphere

SPACES: Mapping[str, Callable[[int], Space]] = {"S": Sphere, "E": Plane, "H": Hyperboloid}


def parse_signature(text: str) -> tuple[Space, ...]:
    """The factors of "S2", "H2 x E1", ... in order.

    Raises ValueError for anything else, for a dimension below 1 and for H1, which is flat.
    """
    found = []
    for word in re.split(r"\s*[x×*]\s*", text.strip()):
        match = re.fullmatch(r"([SEH])(\d+)", word)
        if not match or int(match[2]) < 1:
            raise ValueError(f"signature: wanted factors such as S2, E1, H2, got {word!r}")
        found.append(SPACES[match[1]](int(match[2])))
    return joined(found)


def joined(spaces: list[Space]) -> tuple[Space, ...]:
    """In order, flat factors as one."""
    flat = sum(s.dimension for s in spaces if s.sign == 0)
    curved = [s for s in spaces if s.sign]
    return tuple(sorted([*curved, *([Plane(flat)] if flat else [])], key=_rank))


def signature(spaces: tuple[Space, ...]) -> str:
    """The name of a product."""
    return " x ".join(map(str, spaces))


def signatures(dimension: int) -> tuple[tuple[Space, ...], ...]:
    """Every product of this total dimension, those of fewer factors first."""
    found = {signature(s): s for s in map(joined, _products(dimension, None))}
    return tuple(sorted(found.values(), key=lambda s: (len(s), [_rank(f) for f in s])))


def _products(dimension: int, most: tuple[int, int] | None) -> Iterator[list[Space]]:
    """Lists of spaces that add up to `dimension`, ranks descending so that none comes twice."""
    if dimension == 0:
        yield []
    for order, (letter, make) in enumerate(SPACES.items()):
        for size in range(2 if letter == "H" else 1, dimension + 1):
            if most is None or (order, size) <= most:
                for rest in _products(dimension - size, (order, size)):
                    yield [make(size), *rest]


def _rank(space: Space) -> tuple[int, int]:
    return list(SPACES).index(space.letter), -space.dimension
