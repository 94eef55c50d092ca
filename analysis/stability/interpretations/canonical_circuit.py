"""One name for all circuits that differ by the order of their symmetric units alone.

Colour refinement (Weisfeiler and Leman 1968) on units, a unit's colour made of its ports' edges and
the colours at their other ends; where units stay alike, one is singled out and refinement goes on,
over every choice, and the least written form is kept (individualisation and refinement, McKay
1981). Two circuits get the same name exactly if some permutation within the declared groups makes
them equal, edge for edge, in weights rounded to `digits` decimal places of the largest one.
"""

import hashlib
import json
from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from analysis.stability.interpretations.circuits import Circuits, circuits
from interpretable_arch.interpretation import Graph

MOST_LEAVES = 5000
Colours = list[int]
Form = tuple[tuple[int, ...], ...]


def canonical_circuits(found: Circuits, *, digits: int = 6) -> tuple[str, ...]:
    """A name for each circuit, equal for those that are equal up to the order of like units.

    Weights are taken relative to each circuit's largest; two that differ by rounding alone may fall
    on different sides of a step. Raises ValueError for a circuit so regular that more than
    `MOST_LEAVES` orders would have to be looked at.
    """
    return tuple(_name(_reduced(found, seed), digits, seed) for seed in range(len(found.weights)))


def same_circuit(one: Graph, other: Graph, *, digits: int = 6) -> bool:
    """Whether two graphs are equal up to the order of their symmetric units."""
    first, second = canonical_circuits(circuits([one, other]), digits=digits)
    return first == second


def _reduced(found: Circuits, seed: int) -> Circuits:
    """The circuit alone: places that it leaves empty fall away."""
    kept = found.present[seed].nonzero().flatten()
    moved = {int(old): new for new, old in enumerate(kept)}
    nodes = tuple(found.nodes[int(old)] for old in kept)
    groups: dict[str, list[list[int]]] = {}
    for group, units in found.groups.items():
        rows = [[moved[p] for p in ports if p in moved] for ports in units.tolist()]
        groups[group] = [row for row in rows if row]
    weights = found.weights[seed][kept][:, kept]
    ragged = {g: _padded(rows) for g, rows in groups.items() if rows}
    return Circuits(nodes, ragged, found.present[seed : seed + 1, kept], weights[None])


def _padded(rows: Sequence[Sequence[int]]) -> Int[Tensor, "unit port"]:
    """Units as rows; one that lacks a port has -1 there."""
    width = max(map(len, rows))
    return torch.tensor([[*row, *[-1] * (width - len(row))] for row in rows])


def _name(found: Circuits, digits: int, seed: int) -> str:
    search = _Search(found, digits, seed)
    form = search.least(search.refined(search.first()))
    text = json.dumps([search.kinds, form])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Search:
    """One circuit as units, a node without like being a unit of its own, and their coloured edges.

    Colours are ranks of signatures, so that the same circuit in another order gets the same ones.
    """

    def __init__(self, found: Circuits, digits: int, seed: int) -> None:
        weights = found.weights[0]
        scale = float(weights.abs().max()) if weights.numel() else 0.0
        rounded = (weights / scale * 10**digits).round().long() if scale else weights.long()
        grouped = [
            (g, [p for p in r if p >= 0]) for g, u in found.groups.items() for r in u.tolist()
        ]
        taken = {place for _, row in grouped for place in row}
        alone = [("", [place]) for place in range(len(found.nodes)) if place not in taken]
        self.units = grouped + alone
        self.start = [(g, *(found.nodes[p][2] for p in row)) for g, row in self.units]
        self.kinds = sorted(map(list, self.start))
        owner = {p: (u, found.nodes[p][2]) for u, (_, row) in enumerate(self.units) for p in row}
        self.edges: list[list[tuple[int, str, str, int, int]]] = [[] for _ in self.units]
        for source, target in rounded.nonzero().tolist():
            (a, port), (b, into), weight = (
                owner[source],
                owner[target],
                int(rounded[source, target]),
            )
            self.edges[a].append((0, port, into, weight, b))
            self.edges[b].append((1, into, port, weight, a))
        self.seed, self.leaves = seed, 0

    def first(self) -> Colours:
        return _ranks(self.start)

    def refined(self, colours: Colours) -> Colours:
        """The coarsest colouring, no coarser than this, that all edges respect."""
        while True:
            signatures = [
                (colours[unit], *sorted((*edge[:4], colours[edge[4]]) for edge in edges))
                for unit, edges in enumerate(self.edges)
            ]
            found = _ranks(signatures)
            if len(set(found)) == len(set(colours)):
                return found
            colours = found

    def least(self, colours: Colours) -> Form:
        """The least written form over all ways of telling like units apart."""
        alike = _first_repeated(colours)
        if alike is None:
            self.leaves += 1
            if self.leaves > MOST_LEAVES:
                wanted = f"at most {MOST_LEAVES} orders of like units"
                raise ValueError(f"graphs: wanted {wanted}, graph {self.seed} has more")
            return self._written(colours)
        chosen = [unit for unit, colour in enumerate(colours) if colour == alike]
        if self._bare(chosen):
            chosen = chosen[:1]
        return min(self.least(self.refined(_singled(colours, unit))) for unit in chosen)

    def _bare(self, chosen: Sequence[int]) -> bool:
        """Units with the same edges to the same nodes are interchangeable: one choice is enough."""
        around = {tuple(sorted(self.edges[unit])) for unit in chosen}
        return len(around) == 1

    def _written(self, colours: Colours) -> Form:
        kinds = sorted(set(self.start))
        numbered = {name: n for n, name in enumerate(sorted({p for k in kinds for p in k}))}
        rows = [
            (colours[unit], numbered[port], numbered[into], weight, colours[to])
            for unit, edges in enumerate(self.edges)
            for way, port, into, weight, to in edges
            if way == 0
        ]
        return tuple(sorted(rows))


def _ranks(signatures: Sequence[tuple]) -> Colours:
    order = {signature: n for n, signature in enumerate(sorted(set(signatures)))}
    return [order[signature] for signature in signatures]


def _first_repeated(colours: Colours) -> int | None:
    return next((c for c in sorted(set(colours)) if colours.count(c) > 1), None)


def _singled(colours: Colours, unit: int) -> Colours:
    """The same colouring with this unit before all others of its colour."""
    return [2 * c + (1 if n != unit else 0) for n, c in enumerate(colours)]
