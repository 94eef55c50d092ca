"""Products of an operation of which nothing is promised: a table with holes, or a list of products.

From the pair (a, b), name a·b. The operation may be no group, its table partly unknown, its list of
products may repeat or contradict itself. Holes are neither trained on nor scored: no answer to them
is known, and a reading shows what the trained model says there.
"""

import csv
from collections import Counter
from pathlib import Path
from typing import Literal

import torch

from interpretable_arch.maths.groups.operation import HOLE
from training.data.task import Split, Task, split_examples

Product = tuple[int, int, int]


def unknown_table(
    table: list[list[int | None]] | None = None,
    path: str | None = None,
    products: list[list[int]] | None = None,
    labels: list[str] | None = None,
    share: float = 0.9,
    split_seed: int = 0,
    contradictions: Literal["refuse", "keep"] = "refuse",
) -> Task:
    """All known products of a binary operation on elements 0, 1, ...

    Given as a square `table` (a·b in row a, column b; null or -1 where unknown), as a CSV file of
    one at `path` (an empty cell, null or -1 where unknown; cells are labels where `labels` are
    given), or as a list of `products` [a, b, a·b]. `share` of them are trained on, the other known
    ones held out; at share 1 the shown ones are also what is scored. A product given twice counts
    once. Two products of one pair are refused, or kept as shown, and never held out. What was found
    is said in the task's name. Raises ValueError for a table that is not square or empty, for an
    element that there is none of, and where nothing is known.
    """
    given = [x is not None for x in (table, path, products)]
    if sum(given) != 1:
        raise ValueError(f"table, path, products: wants one of them, got {sum(given)}")
    if products is not None:
        listed, order = _listed(products, labels)
    else:
        rows = _read(Path(str(path)), labels) if table is None else table
        listed, order = _entries(rows)
    if labels is not None and (len(labels) != order or len(set(labels)) != order):
        raise ValueError(f"labels: wants {order} different ones, got {labels}")
    if not listed:
        raise ValueError("table: wants at least one known product, got only holes")
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
        dimensions={"order": order, "outputs": order},
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


def _entries(rows: list[list[int | None]]) -> tuple[list[Product], int]:
    order = len(rows)
    if not order:
        raise ValueError("table: wants at least one row, got none")
    for a, row in enumerate(rows):
        if len(row) != order:
            raise ValueError(f"table: wants {order} entries in each row, got {len(row)} in row {a}")
    known = [
        (a, b, c)
        for a, row in enumerate(rows)
        for b, c in enumerate(row)
        if c is not None and c != HOLE
    ]
    for a, b, c in known:
        if not 0 <= c < order:
            raise ValueError(f"table: wants elements of 0..{order - 1}, got {a}·{b} = {c}")
    return known, order


def _listed(products: list[list[int]], labels: list[str] | None) -> tuple[list[Product], int]:
    """The list checked; as many elements as `labels`, or up to the largest number in it."""
    for product in products:
        if len(product) != 3 or min(product) < 0:
            raise ValueError(f"products: wants [a, b, a·b] of elements from 0 up, got {product}")
    order = len(labels) if labels else 1 + max((max(p) for p in products), default=-1)
    outside = next((p for p in products if max(p) >= order), None)
    if outside is not None:
        raise ValueError(f"products: wants elements of 0..{order - 1}, got {outside}")
    return [(a, b, c) for a, b, c in products], order


def _read(path: Path, labels: list[str] | None) -> list[list[int | None]]:
    place = path.expanduser()
    if not place.is_file():
        raise ValueError(f"path: wants a CSV file, got {str(path)!r}")
    with place.open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.reader(file) if line]
    index = {label: i for i, label in enumerate(labels)} if labels else None
    return [[_cell(cell.strip(), index, a, b) for b, cell in enumerate(line)]
            for a, line in enumerate(lines)]  # fmt: skip


def _cell(cell: str, index: dict[str, int] | None, a: int, b: int) -> int | None:
    if index is not None and cell in index:
        return index[cell]
    if cell in ("", "null", "-1"):
        return None
    if index is None and cell.isdecimal():
        return int(cell)
    wanted = "a label or nothing" if index is not None else "a whole number or nothing"
    raise ValueError(f"path: wants {wanted} in row {a}, column {b}, got {cell!r}")
