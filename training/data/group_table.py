"""Products of an operation of which nothing is promised: a table with holes, or a list of products.

From the pair (a, b), name a·b. The operation may be no group, its table partly unknown, its list of
products may repeat or contradict itself. Holes are neither trained on nor scored: no answer to them
is known, and a reading shows what the trained model says there.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import torch

from interpretable_arch.maths.groups.determinants import settled_determinants
from interpretable_arch.maths.groups.operation import HOLE
from training.data.table_file import read_table
from training.data.task import Split, Task, split_examples

LARGEST = 1000  # elements; the table has the square of it

Product = tuple[int, int, int]


def unknown_table(
    table: list[Any] | None = None,
    path: str | None = None,
    products: list[Any] | None = None,
    labels: list[str] | None = None,
    share: float = 0.9,
    split_seed: int = 0,
    contradictions: str = "refuse",
) -> Task:
    """All known products of a binary operation on elements 0, 1, ...

    Given as a square `table` (a·b in row a, column b; null or -1 where unknown), as a CSV file of
    one at `path` (`table_file.read_table`; cells are labels where `labels` are given), or as a list
    of `products` [a, b, a·b]. `share` of them are trained on, the other known ones held out; at
    share 1 the shown ones are also what is scored. A product given twice counts once. Two products
    of one pair are refused, or kept as shown, and never held out. What was found is said in the
    task's name. `dimensions` hold the determinants that a group with the shown products has, all +1
    where they do not settle it. Raises ValueError for a table that is not square or empty, for an
    element that there is none of or that is no whole number, for more than 1000 elements, for
    another choice of `contradictions`, and where nothing is known.
    """
    if contradictions not in ("refuse", "keep"):
        raise ValueError(f"contradictions: wants refuse or keep, got {contradictions!r}")
    given = [x is not None for x in (table, path, products)]
    if sum(given) != 1:
        raise ValueError(f"table, path, products: wants one of them, got {sum(given)}")
    if products is not None:
        listed, order = _listed(products, labels)
    else:
        rows = read_table(Path(str(path)), labels) if table is None else table
        listed, order = _entries(rows)
    if labels is not None and (len(labels) != order or len(set(labels)) != order):
        raise ValueError(f"labels: wants {order} different ones, got {labels}")
    if not listed:
        name = "table" if products is None else "products"
        raise ValueError(f"{name}: wants at least one known product, got only holes or none at all")
    return _task(listed, order, labels, share, split_seed, contradictions)


def _task(
    listed: list[Product],
    order: int,
    labels: list[str] | None,
    share: float,
    split_seed: int,
    contradictions: str,
) -> Task:
    different = sorted(set(listed))
    often = Counter((a, b) for a, b, _ in different)
    against = [p for p in different if often[p[:2]] > 1]
    if against and contradictions == "refuse":
        (a, b, c), (_, _, other) = against[:2]
        raise ValueError(
            f"products: {a}·{b} is {c} and {other}; wants one product of each pair "
            '(contradictions: "keep" shows both)'
        )
    train, held_out = _split([p for p in different if often[p[:2]] == 1], share, split_seed)
    if against:
        extra = torch.tensor(against)
        shown = torch.cat([train.inputs, extra[:, :2]]), torch.cat([train.targets, extra[:, 2]])
        train = Split(*shown)
    return Task(
        name=_name(len(often), order, len(listed) - len(different), against),
        train=train,
        held_out=held_out,
        outputs=order,
        labels=tuple(labels or map(str, range(order))),
        dimensions={
            "order": order,
            "outputs": order,
            "determinants": settled_determinants(train.inputs, train.targets, order),
        },
    )


def _split(certain: list[Product], share: float, split_seed: int) -> tuple[Split, Split]:
    if not certain:
        raise ValueError("products: wants one that nothing contradicts to score on, got none")
    rows = torch.tensor(certain)
    if share == 1:
        everything = Split(rows[:, :2], rows[:, 2])
        return everything, everything
    return split_examples(rows[:, :2], rows[:, 2], share, split_seed)


def _name(known: int, order: int, repeats: int, against: list[Product]) -> str:
    parts = [f"operation on {order} elements, {known} of {order**2} products known"]
    if repeats:
        parts.append(f"{repeats} given again")
    if against:
        parts.append(f"{len({p[:2] for p in against})} contradicted")
    return ", ".join(parts)


def _entries(rows: list[Any]) -> tuple[list[Product], int]:
    order = len(rows)
    if not order:
        raise ValueError("table: wants at least one row, got none")
    _bounded(order, "table")
    for a, row in enumerate(rows):
        if not isinstance(row, list | tuple):
            raise ValueError(f"table: wants a list of entries in each row, got {row!r} as row {a}")
        if len(row) != order:
            raise ValueError(f"table: wants {order} entries in each row, got {len(row)} in row {a}")
    known = [
        (a, b, c)
        for a, row in enumerate(rows)
        for b, c in enumerate(row)
        if c is not None and c != HOLE
    ]
    for a, b, c in known:
        _whole(c, f"table: wants element numbers or nothing, got {a}·{b} = {c!r}")
        if not 0 <= c < order:
            raise ValueError(f"table: wants elements of 0..{order - 1}, got {a}·{b} = {c}")
    return known, order


def _listed(products: list[Any], labels: list[str] | None) -> tuple[list[Product], int]:
    """The list checked; as many elements as `labels`, or up to the largest number in it."""
    for product in products:
        wanted = f"products: wants [a, b, a·b] of element numbers, got {product!r}"
        if not isinstance(product, list | tuple):
            raise ValueError(wanted)
        for element in product:
            _whole(element, wanted)
        if len(product) != 3 or min(product) < 0:
            raise ValueError(f"products: wants [a, b, a·b] of elements from 0 up, got {product}")
    order = len(labels) if labels else 1 + max((max(p) for p in products), default=-1)
    _bounded(order, "products")
    outside = next((p for p in products if max(p) >= order), None)
    if outside is not None:
        raise ValueError(f"products: wants elements of 0..{order - 1}, got {outside}")
    return [(a, b, c) for a, b, c in products], order


def _whole(element: object, message: str) -> None:
    if isinstance(element, bool) or not isinstance(element, int):
        raise ValueError(message)


def _bounded(order: int, name: str) -> None:
    if order > LARGEST:
        raise ValueError(f"{name}: wants at most {LARGEST} elements, got {order}")
