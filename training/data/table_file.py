"""The table of an operation from a CSV file: element numbers or labels, and holes.

A cell that is empty, null or -1 is a hole. A header row and column, with an empty corner, are left
out where they repeat the elements in order. Lines that are wholly blank are left out as far as
there are more lines than columns: one among as many lines as columns is a row of holes.
"""

import csv
from pathlib import Path

HOLES = ("", "null", "-1")


def read_table(path: Path, labels: list[str] | None) -> list[list[int | None]]:
    """The rows of the file, in UTF-8 with or without a byte-order mark, None for a hole.

    Raises ValueError for what is no such file, for a cell that is neither, and for a header that
    names other elements or has another order.
    """
    place = path.expanduser()
    if not place.is_file():
        raise ValueError(f"path: wants a CSV file, got {str(path)!r}")
    try:
        with place.open(newline="", encoding="utf-8-sig") as file:
            lines = [[cell.strip() for cell in line] for line in csv.reader(file)]
    except UnicodeDecodeError as error:
        raise ValueError(f"path: wants text in UTF-8, got {str(path)!r}: {error.reason}") from error
    lines = _without_header(_without_blank(lines), labels)
    index = {label.strip(): i for i, label in enumerate(labels)} if labels else None
    return [
        [_cell(cell, index, a, b) for b, cell in enumerate(line)] for a, line in enumerate(lines)
    ]


def _without_blank(lines: list[list[str]]) -> list[list[str]]:
    width = max((len(line) for line in lines), default=0)
    kept = [line for line in lines if any(line) or len(line) == width > 1]
    for i in reversed(range(len(kept))):
        if len(kept) > width and not any(kept[i]):
            del kept[i]
    return kept


def _without_header(lines: list[list[str]], labels: list[str] | None) -> list[list[str]]:
    order = len(lines) - 1
    if order < 1 or any(len(line) != order + 1 for line in lines) or lines[0][0]:
        return lines
    if labels is not None:
        elements, header = [label.strip() for label in labels], order == len(labels)
    else:
        elements = [str(i) for i in range(order)]
        header = _names_fewer(lines) or _counts_from_one(lines)
    if not header:
        return lines
    row, column = lines[0][1:], [line[0] for line in lines[1:]]
    if row != elements or column != elements:
        raise ValueError(
            f"path: wants a header row and column that repeat the elements {', '.join(elements)}, "
            f"got {', '.join(row)} and {', '.join(column)}"
        )
    return [line[1:] for line in lines[1:]]


def _names_fewer(lines: list[list[str]]) -> bool:
    """Whether first row or column are 0, ..., n-1 in some order and nothing inside is n."""
    elements = {str(i) for i in range(len(lines) - 1)}
    inside = {cell for line in lines[1:] for cell in line[1:]}
    edges = set(lines[0][1:]), {line[0] for line in lines[1:]}
    return elements in edges and inside <= elements.union(HOLES)


def _counts_from_one(lines: list[list[str]]) -> bool:
    """Whether first row and column are 1, ..., n, and nothing is 0 or a hole but the corner."""
    elements = [str(i) for i in range(1, len(lines))]
    inside = {cell for line in lines[1:] for cell in line[1:]}
    edges = lines[0][1:] == elements == [line[0] for line in lines[1:]]
    return edges and inside <= set(elements)


def _cell(cell: str, index: dict[str, int] | None, a: int, b: int) -> int | None:
    if index is not None and cell in index:
        return index[cell]
    if cell in HOLES:
        return None
    if index is None and cell.isdecimal():
        return int(cell)
    wanted = "a label or nothing" if index is not None else "a whole number or nothing"
    raise ValueError(f"path: wants {wanted} in row {a}, column {b}, got {cell!r}")
