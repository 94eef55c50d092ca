"""Places of a text sorted by the word that ends, or begins, there: rows and columns of a Hankel.

All words of one length are many and mostly unseen. Instead a tree is grown: from one class, the
most frequent is split by its next symbol, again and again, while the classes stay within a number.
Each place belongs to one class, so that counts of different classes are of different places. Where
all symbols are about as frequent, the classes are all words of one length.
"""

import heapq

import torch
from jaxtyping import Int
from torch import Tensor

Rows = list[Tensor]  # token numbers, [position] each, of any lengths


def inner_places(rows: Rows, longest: int) -> tuple[Int[Tensor, " token"], Int[Tensor, " place"]]:
    """The rows as one, and the places in it with `longest` symbols of their row on each side.

    A place lies before the symbol of its number. The last place of each row comes without a symbol
    that has `longest` others behind it. Raises ValueError where every row is too short.
    """
    places, first = [], 0
    for row in rows:
        if len(row) > 2 * longest:
            places.append(torch.arange(first + longest, first + len(row) - longest + 1))
        first += len(row)
    if not places:
        most = max(map(len, rows), default=0)
        raise ValueError(
            f"rows: wanted one of at least {2 * longest + 1} symbols, got at most {most}"
        )
    return torch.cat(rows), torch.cat(places)


def word_classes(
    tokens: Int[Tensor, " token"],
    places: Int[Tensor, " place"],
    backwards: bool,
    most: int,
    longest: int,
) -> Int[Tensor, " place"]:
    """The class of each place, 0 .. classes - 1, by the word that begins there, or ends if
    `backwards`: at most `most` classes (at least one split), of words up to `longest`.
    """
    first, step = (-1, -1) if backwards else (0, 1)
    symbols = int(tokens.max()) + 1
    # Of equally frequent classes the older one is split first.
    heap, made = [(-len(places), 0, 0, torch.arange(len(places)))], 1
    done: list[Tensor] = []
    while heap and (made == 1 or len(heap) + len(done) + symbols - 1 <= most):
        _, _, length, members = heapq.heappop(heap)
        if length == longest:
            done.append(members)
            continue
        next_symbol = tokens[places[members] + first + step * length]
        counts = next_symbol.bincount(minlength=symbols)
        for part in members[next_symbol.argsort(stable=True)].split(counts.tolist()):
            if len(part):
                heapq.heappush(heap, (-len(part), made, length + 1, part))
                made += 1
    found = torch.empty(len(places), dtype=torch.long)
    for number, members in enumerate([*done, *(part for *_, part in sorted(heap, key=_age))]):
        found[members] = number
    return found


def _age(entry: tuple[int, int, int, Tensor]) -> int:
    return entry[1]
