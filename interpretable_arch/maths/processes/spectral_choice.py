"""How many states, and how finely pasts are told apart, chosen on the training text alone.

The text is cut into `FOLDS` blocks; each is foretold by an automaton of the others. First the
number of classes is chosen, with all states that stand above the noise; then, at that number, the
states; the floor goes with either.
The automaton itself is made from all of the text. Nothing is drawn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from interpretable_arch.maths.processes.automata import log_losses
from interpretable_arch.maths.processes.hankel import Spectrum, Triples, spectrum
from interpretable_arch.maths.processes.word_classes import Rows, inner_places, word_classes
from interpretable_arch.maths.spread import evenly

FOLDS = 4
GROWTH = 4
PIECE, PIECES = 500, 100  # held-out text is read in pieces: their length, and how many at most
READ_IN = 50  # symbols of a piece that are read and not scored


FLOORS = (0.3, 0.1, 0.01, 1e-4, 1e-6)


@dataclass(frozen=True)
class Trial:
    """Mean held-out nats per symbol of automata of so many classes and states, at a floor."""

    classes: int
    states: int
    floor: float
    loss: float


@dataclass(frozen=True, eq=False)
class Choice:
    """What foretold best, everything tried at its best floor, and the matrix of the whole text."""

    spectrum: Spectrum
    best: Trial
    tried: tuple[Trial, ...]


@dataclass(frozen=True)
class Search:
    """What may be chosen: at most so many classes and states, words up to `longest`.

    `floor` None: chosen too.
    """

    vocab: int
    classes: int
    states: int
    longest: int
    floor: float | None = None


def choose(rows: Rows, search: Search, states: int | None) -> Choice:
    """The number of classes, the floor and, unless given, the states that foretell blocks best.

    Raises ValueError for rows too short, and for more states than any matrix holds.
    """
    _enough(rows, search.longest)
    folded: dict[int, list[Spectrum]] = {}
    whole: dict[int, Spectrum] = {}
    pieces, tried = list(_pieces(rows)), list[Trial]()

    def attempt(classes: int, size: int) -> None:
        floor, loss = _loss(folded[classes], size, pieces, search.floor)
        tried.append(Trial(classes, size, floor, loss))

    for classes in class_numbers(search):
        triples, fold = counted(rows, classes, search.longest)
        whole[classes] = spectrum(triples, search.vocab, search.states)
        parts = [triples.at(fold != f) for f in range(FOLDS)]
        folded[classes] = [spectrum(part, search.vocab, search.states) for part in parts]
        attempt(classes, states or whole[classes].above_noise)
    # Where no block has enough states, the finest matrix is the likeliest to have them.
    best = min(tried, key=lambda t: (t.loss, -t.classes))
    if states is None:
        for size in _fewer(best.states):
            attempt(best.classes, size)
        best = min((t for t in tried if t.classes == best.classes), key=lambda t: t.loss)
    whole[best.classes].automaton(best.states)
    return Choice(whole[best.classes], best, tuple(tried))


def class_numbers(search: Search) -> list[int]:
    """vocab, 4 vocab, 16 vocab, ... up to the most allowed, at least one."""
    found = [search.vocab]
    while found[-1] * GROWTH <= search.classes:
        found.append(found[-1] * GROWTH)
    return found


def counted(rows: Rows, classes: int, longest: int) -> tuple[Triples, Int[Tensor, " place"]]:
    """What stands around each symbol, and the block it lies in."""
    tokens, places = inner_places(rows, longest)
    past = word_classes(tokens, places, True, classes, longest)
    future = word_classes(tokens, places, False, classes, longest)
    inside = (places.diff() == 1).nonzero().squeeze(1)
    symbol = tokens[places[inside]]
    found = Triples(past[inside], symbol, future[inside], future[inside + 1])
    return found, _fold(places[inside], len(tokens))


def _enough(rows: Rows, longest: int) -> None:
    """ValueError unless two blocks have a symbol with `longest` others on each side."""
    first, blocks = 0, set[int]()
    total = sum(map(len, rows))
    for row in rows:
        inner = torch.arange(first, first + len(row))[longest : len(row) - longest]
        blocks |= set(_fold(inner, total).unique().tolist())
        first += len(row)
    if len(blocks) < 2:
        most = max(map(len, rows), default=0)
        raise ValueError(
            f"rows: wanted symbols with {longest} others on each side in two of {FOLDS} blocks, "
            f"as one row of at least {2 * longest + 2} symbols has, got rows of at most {most}"
        )


def _fold(place: Tensor, length: int) -> Tensor:
    return place * FOLDS // length


def _fewer(states: int) -> list[int]:
    """Every smaller number where they are few, else three quarters again and again."""
    if states <= 8:
        return list(range(1, states))
    found = [states]
    while found[-1] > 1:
        found.append(found[-1] * 3 // 4)
    return found[1:]


def _pieces(rows: Rows) -> Iterator[Int[Tensor, "piece position"]]:
    """For each block, pieces of the rows that begin in it, all of one length."""
    length, first = min(PIECE, max(map(len, rows))), 0
    cut, places = [], []
    for row in rows:
        if len(row) >= length:
            cut.append(row.unfold(0, length, length))
            places.append(first + length * torch.arange(len(cut[-1])))
        first += len(row)
    fold, pieces = _fold(torch.cat(places), first), torch.cat(cut)
    for f in range(FOLDS):
        own = pieces[fold == f]
        yield own[evenly(len(own), PIECES)] if len(own) else own


def _loss(
    parts: Sequence[Spectrum], states: int, pieces: Sequence[Tensor], floor: float | None
) -> tuple[float, float]:
    """The best floor and its mean held-out nats; infinite where a block has fewer states."""
    shares = FLOORS if floor is None else (floor,)
    if any(part.held < states for part in parts):
        return shares[-1], float("inf")
    total, count = torch.zeros(len(shares), dtype=torch.float64), 0
    for part, rows in zip(parts, pieces, strict=True):
        if len(rows):
            skipped = min(READ_IN, rows.shape[1] // 4)
            found = log_losses(part.automaton(states), rows, shares)[..., skipped:]
            total, count = total + found.sum((1, 2)), count + found[0].numel()
    best = int(total.argmin())
    return shares[best], float(total[best]) / count
