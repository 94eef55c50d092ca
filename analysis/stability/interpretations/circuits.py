"""Circuits of K models in one layout: the same nodes in the same places, units padded.

`Circuits` holds every graph as a matrix over the union of all nodes; a group of symmetric units has
as many places as the widest model has units, and a narrower model leaves the last ones empty. In
this layout a symmetry is a permutation of places, and graphs are compared as matrices.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, permutations, product

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analysis.stability.interpretations.units import SYMMETRIC, node
from interpretable_arch.interpretation import Graph

Key = tuple[str, int, str]  # group, place within it, port


@dataclass(frozen=True, eq=False)
class Circuits:
    """K graphs in one layout.

    nodes    what stands at each place: group ("" for a node that has no like), unit, port
    groups   by group: the place of each unit's each port, [unit, port]
    present  whether a model has the node
    weights  [seed, source, target], 0 where there is no edge
    """

    nodes: tuple[Key, ...]
    groups: dict[str, Int[Tensor, "unit port"]]
    present: Bool[Tensor, "seed node"]
    weights: Float[Tensor, "seed node node"]

    @property
    def symmetries(self) -> int:
        """How many permutations of units there are."""
        return math.prod(math.factorial(len(units)) for units in self.groups.values())

    def every_permutation(self) -> Int[Tensor, "symmetry node"]:
        """All of them, as what is to stand at each place; the identity comes first."""
        identity = torch.arange(len(self.nodes))
        rows = []
        for orders in product(*(permutations(range(len(u))) for u in self.groups.values())):
            found = identity.clone()
            for units, order in zip(self.groups.values(), orders, strict=True):
                found[units] = units[list(order)]
            rows.append(found)
        return torch.stack(rows)


def circuits(graphs: Sequence[Graph], symmetric: Sequence[str] = SYMMETRIC) -> Circuits:
    """Lay out K graphs; units of a group take places in the order of their own numbers.

    Parallel edges add up. Raises ValueError for no graphs, for an edge between nodes that a graph
    doesn't have, for a node named twice, for weights that are not finite, and for symmetric units
    within symmetric units (`head.0.neuron.3`), whose orders this layout can't hold.
    """
    if not graphs:
        raise ValueError("graphs: wanted one a model, got none")
    placed = [_placed(graph, number, symmetric) for number, graph in enumerate(graphs)]
    nodes = _union(placed)
    place = {key: n for n, key in enumerate(nodes)}
    present = torch.zeros(len(graphs), len(nodes), dtype=torch.bool)
    weights = torch.zeros(len(graphs), len(nodes), len(nodes), dtype=torch.float64)
    for seed, (graph, keys) in enumerate(zip(graphs, placed, strict=True)):
        where = {name: place[key] for name, key in keys.items()}
        present[seed, list(where.values())] = True
        for edge in graph.edges:
            weights[seed, where[edge.source], where[edge.target]] += edge.weight
    return Circuits(nodes, _groups(nodes), present, weights)


def _placed(graph: Graph, number: int, symmetric: Sequence[str]) -> dict[str, Key]:
    """Each node's place in its own graph, units numbered from 0 without gaps."""
    if len(set(graph.nodes)) != len(graph.nodes):
        twice = sorted({n for n in graph.nodes if graph.nodes.count(n) > 1})
        raise ValueError(f"graphs: wanted each node once, graph {number} has {twice} more often")
    known = set(graph.nodes)
    for edge in graph.edges:
        if not {edge.source, edge.target} <= known:
            got = f"{edge.source} -> {edge.target}"
            raise ValueError(f"graphs: wanted edges between its nodes, graph {number} has {got}")
        if not math.isfinite(edge.weight):
            got = f"{edge.weight} on {edge.source} -> {edge.target} of graph {number}"
            raise ValueError(f"graphs: wanted finite weights, got {got}")
    read = {name: node(name, symmetric) for name in graph.nodes}
    units: dict[str, list[int]] = {}
    for each in read.values():
        units.setdefault(each.group, []).append(each.index)
    for group in units:
        if node(group, symmetric).group:
            wanted = "units that lie in no other unit, whose order is free too"
            raise ValueError(f"graphs: wanted {wanted}, graph {number} has the group {group!r}")
    rank = {g: {i: n for n, i in enumerate(sorted(set(found)))} for g, found in units.items()}
    return {name: (n.group, rank[n.group][n.index], n.port) for name, n in read.items()}


def _union(placed: Sequence[dict[str, Key]]) -> tuple[Key, ...]:
    """Every group gets as many units as the widest has, with the ports of any of them."""
    seen = list(dict.fromkeys(chain.from_iterable(keys.values() for keys in placed)))
    ports: dict[str, dict[str, None]] = {}
    count: dict[str, int] = {}
    for group, unit, port in seen:
        ports.setdefault(group, {})[port] = None
        count[group] = max(count.get(group, 0), unit + 1)
    return tuple(
        (group, unit, port)
        for group in ports
        for unit in range(count[group])
        for port in ports[group]
    )


def _groups(nodes: Sequence[Key]) -> dict[str, Int[Tensor, "unit port"]]:
    found: dict[str, dict[int, list[int]]] = {}
    for place, (group, unit, _) in enumerate(nodes):
        if group:
            found.setdefault(group, {}).setdefault(unit, []).append(place)
    return {group: torch.tensor(list(units.values())) for group, units in found.items()}
