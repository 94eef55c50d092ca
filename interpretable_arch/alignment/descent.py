"""Alignment of models trained apart: the element of the symmetry that carries one nearest another.

    min over g of ||g theta - theta'||

`Symmetry.align` goes through the factors once, each by a key that later factors leave alone: exact
for a transformed copy, but for models that are no copies the first keys it compares need not match.
Here, from several starts, the factors are gone through again and again, each set to what is best
while the others are held (coordinate descent: Ainsworth, Hayase, Srinivasa 2023, arXiv:2209.04836;
`conditional` says how for each group), until none brings the models nearer. A factor that declares
a key is also tried together with the factors inside it (heads with the circuits inside heads).

No move that raises the distance is kept, so the result is never further than any of its starts. It
is an upper bound: the problem is an assignment over coupled layers, for which no quick exact method
is known. Of directions that nothing reads (a vocabulary smaller than d_model leaves some of the
stream to the inner layers alone) many elements are equally good, and which is returned means
nothing: distances do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.alignment.conditional import candidates
from interpretable_arch.alignment.coordinates import declared
from interpretable_arch.alignment.nested import assign, nest
from interpretable_arch.alignment.objective import (
    check_comparable,
    distance,
    gaps,
    precision,
    size,
    widened,
)
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Element, Factor, Parameters, Symmetry

SWEEPS = 30


@dataclass(frozen=True)
class Attempt:
    """One start, how far it was and how far descent from it ended; relative distances."""

    start: str
    before: float
    after: float


@dataclass(frozen=True)
class Aligned:
    """The best element found, its relative distance ||g theta - theta'|| / ||theta'||, and all
    attempts in the order they were made."""

    element: Element
    distance: float
    attempts: tuple[Attempt, ...]


def align(
    parameters: Parameters,
    reference: Parameters,
    symmetry: Symmetry,
    *,
    restarts: int = 2,
    generator: torch.Generator | None = None,
    starts: Sequence[tuple[str, Element]] | None = None,
    exact: float | None = None,
    worth: float = 1e-4,
) -> Aligned:
    """Carry `parameters` as near to `reference` as descent from several starts can.

    The starts: `symmetry.align`, no move, the canonical form of both (where one is unique), and
    `restarts` random elements drawn by `generator` (seed 0 if None); or the `starts` given, and no
    others. Later starts are left out once the distance is at most `exact`, by default 100 rounding
    errors: nothing can be nearer than a copy. Moves that take less than the share `worth` of what
    is left of the squared distance are not made, which ends the descent. Raises ValueError for
    other names, other shapes, numbers that are not finite, restarts below 0.
    """
    check_comparable(parameters, reference)
    if restarts < 0:
        raise ValueError(f"restarts: wanted 0 or more, got {restarts}")
    given = precision(parameters)
    enough = 100 * torch.finfo(precision(reference)).eps if exact is None else exact
    parameters, reference = widened(parameters), widened(reference)
    generator = generator or torch.Generator().manual_seed(0)
    begin = _starts(parameters, reference, symmetry, restarts, generator)
    best: Element | None = None
    attempts: list[Attempt] = []
    with torch.no_grad():
        for name, element in iter(starts) if starts is not None else begin:
            moved = symmetry.act(element, parameters)
            more, after = _descend(moved, reference, symmetry, worth)
            attempt = Attempt(name, distance(moved, reference), distance(after, reference))
            if best is None or attempt.after < min(a.after for a in attempts):
                best = (*element, *more)
            attempts.append(attempt)
            if attempt.after <= enough:
                break
    assert best is not None, "no starts"
    return Aligned(_in(given, best), min(a.after for a in attempts), tuple(attempts))


def _in(precision: torch.dtype, element: Element) -> Element:
    """The element in the precision of what it will act on; permutations as they are."""
    return tuple(
        (i, g.to(precision.to_complex() if g.is_complex() else precision))
        if g.is_complex() or g.is_floating_point()
        else (i, g)
        for i, g in element
    )


def _starts(
    parameters: Parameters,
    reference: Parameters,
    symmetry: Symmetry,
    restarts: int,
    generator: torch.Generator,
) -> Iterator[tuple[str, Element]]:
    # First what is exact for copies, which ends the search.
    if symmetry.factors:
        yield "one pass of the declared fits", _one_pass(parameters, reference, symmetry)
    yield "as they are", ()
    if not symmetry.factors:
        return
    if symmetry.invariants is None:
        there = symmetry.canonical_element(parameters)
        back = symmetry.inverse(symmetry.canonical_element(reference))
        yield "canonical forms", (*there, *back)
    for number in range(restarts):
        yield f"random element {number}", symmetry.sample(generator, precision(parameters))


def _one_pass(parameters: Parameters, reference: Parameters, symmetry: Symmetry) -> Element:
    """`symmetry.align`, the changes of basis in a bounded number of steps."""
    moves: list[tuple[int, Tensor]] = []
    for i, factor in enumerate(symmetry.factors):
        g = declared(factor, parameters, reference)
        parameters = factor.act(g, parameters)
        moves.append((i, g))
    return tuple(moves)


def _descend(
    parameters: Parameters, reference: Parameters, symmetry: Symmetry, worth: float
) -> tuple[Element, Parameters]:
    """Sweeps over the factors until none brings the models nearer."""
    here = _Place(dict(parameters), reference, worth)
    moves: list[tuple[int, Tensor]] = []
    asleep: set[int] = set()  # factors that had nothing to offer since their tensors last moved
    for _ in range(SWEEPS):
        for i in range(len(symmetry.factors)):
            if i in asleep:
                continue
            asleep.add(i)
            made = here.improve(i, symmetry.factors)
            moves += made
            touched = {a.parameter for j, _ in made for a in symmetry.factors[j].actions}
            asleep -= {
                j
                for j, other in enumerate(symmetry.factors)
                if j != i and touched & {a.parameter for a in other.actions}
            }
        if len(asleep) == len(symmetry.factors):
            break
    return tuple(moves), here.parameters


class _Place:
    """Where the descent is: the parameters as moved so far and each tensor's squared gap."""

    def __init__(self, parameters: dict[str, Tensor], reference: Parameters, worth: float) -> None:
        self.parameters, self.reference, self.worth = parameters, reference, worth
        self.gaps = gaps(parameters, reference, reference)
        self.least = 10 * torch.finfo(precision(reference)).eps * size(reference) ** 2

    def improve(self, i: int, factors: Sequence[Factor]) -> list[tuple[int, Tensor]]:
        """Make the best of the moves that factor i allows, if it is worth making."""
        tried = [self._after(moves) for moves in self._moves(i, factors)]
        gain, made, place = max(tried, key=lambda t: t[0], default=(0.0, [], self.parameters))
        if gain <= max(self.least, self.worth * sum(self.gaps.values())):
            return []
        touched = {a.parameter for j, _ in made for a in factors[j].actions}
        self.parameters = place
        self.gaps |= gaps(place, self.reference, touched)
        return [(j, g) for j, g in made]

    def _moves(
        self, i: int, factors: Sequence[Factor]
    ) -> Iterator[list[tuple[int, Factor, Tensor]]]:
        factor = factors[i]
        for g in candidates(factor, self.parameters, self.reference):
            yield [(i, factor, g)]
        later = [(j, f) for j, f in enumerate(factors) if j > i and _share(f, factor)]
        if factor.key is None or not later:
            return
        first = [factor.fit(self.parameters, self.reference)]
        found = nest(factor, tuple(f for _, f in later), self.parameters)
        if found is not None:
            first.append(assign(factor, found, self.parameters, self.reference))
        for g in first:
            if not _stays(factor, g):  # else what follows is for the later factors to do themselves
                yield self._followed(i, factor, g, later)

    def _followed(
        self, i: int, factor: Factor, g: Tensor, later: Sequence[tuple[int, Factor]]
    ) -> list[tuple[int, Factor, Tensor]]:
        """The move and, after it, the best that each later factor can do."""
        made = [(i, factor, g)]
        moved = factor.act(g, self.parameters)
        for j, other in later:
            names = {a.parameter for a in other.actions}
            options = [(h, other.act(h, moved)) for h in candidates(other, moved, self.reference)]
            costs = [sum(gaps(m, self.reference, names).values()) for _, m in options]
            stay = sum(gaps(moved, self.reference, names).values())
            if costs and min(costs) < stay:
                h, moved = options[costs.index(min(costs))]
                made.append((j, other, h))
        return made

    def _after(
        self, moves: list[tuple[int, Factor, Tensor]]
    ) -> tuple[float, list[tuple[int, Tensor]], dict[str, Tensor]]:
        """By how much the squared distance falls, the moves, and where they lead."""
        moved = self.parameters
        for _, factor, g in moves:
            moved = factor.act(g, moved)
        touched = {a.parameter for _, factor, _ in moves for a in factor.actions}
        new = gaps(moved, self.reference, touched)
        gain = sum(self.gaps[n] - new[n] for n in touched)
        return gain, [(i, g) for i, _, g in moves], moved


def _stays(factor: Factor, g: Tensor) -> bool:
    """Whether g is the permutation that moves nothing."""
    return isinstance(factor.group, Permutation) and bool((g == torch.arange(g.shape[-1])).all())


def _share(first: Factor, second: Factor) -> bool:
    return bool({a.parameter for a in first.actions} & {a.parameter for a in second.actions})
