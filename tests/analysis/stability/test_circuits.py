"""Circuits modulo the order of heads and neurons: planted orders recovered, names canonical."""

from itertools import permutations

import pytest
import torch

from analysis.stability.interpretations import circuit_matching
from analysis.stability.interpretations.canonical_circuit import canonical_circuits, same_circuit
from analysis.stability.interpretations.circuit_matching import match_circuits
from analysis.stability.interpretations.circuits import circuits
from analysis.stability.interpretations.roles import role_graph, role_shares, role_similarity
from analysis.stability.interpretations.units import Node, node, role
from interpretable_arch.interpretation import Edge, Graph

PORTS = ("query", "key", "value")


def transformer(weights: torch.Tensor, heads: int, orders: tuple[list[int], list[int]]) -> Graph:
    """Two layers of heads; head h of layer l is called by its place in the order."""
    names = [[f"blocks.{n}.attn.head.{orders[n][h]}" for h in range(heads)] for n in range(2)]
    writers = ["embed", *names[0], *names[1]]
    values = iter(weights.tolist())
    edges = []
    for layer in range(2):
        for head in names[layer]:
            for source in writers[: 1 + layer * heads]:
                edges += [Edge(source, f"{head}.{port}", next(values)) for port in PORTS]
    edges += [Edge(source, "logits", next(values)) for source in writers]
    ports = [f"{head}.{port}" for layer in names for head in layer for port in PORTS]
    return Graph((*writers, *ports, "logits"), tuple(edges))


def count(heads: int) -> int:
    return 3 * heads + 3 * heads * (1 + heads) + 1 + 2 * heads


def planted(heads: int, seed: int, noise: float = 0.0) -> tuple[Graph, Graph]:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(count(heads), generator=generator, dtype=torch.float64)
    blurred = weights + noise * torch.randn(weights.shape, generator=generator)
    orders = [torch.randperm(heads, generator=generator).tolist() for _ in range(2)]
    plain = list(range(heads))
    one = transformer(weights, heads, (plain, plain))
    return one, transformer(blurred, heads, (orders[0], orders[1]))


@pytest.mark.parametrize("heads", [2, 3, 8])
def test_a_planted_order_is_found(heads: int) -> None:
    for seed in range(5):
        found = match_circuits(circuits(planted(heads, seed)))
        assert found.exact == (heads < 4)
        assert float(found.similarity[0, 1]) == pytest.approx(1.0)


def test_ascent_reaches_the_exhaustive_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = [planted(3, seed)[1] for seed in range(6)]
    exact = match_circuits(circuits(graphs)).similarity
    monkeypatch.setattr(circuit_matching, "EXHAUSTIVE", 0)
    found = match_circuits(circuits(graphs), restarts=8)
    assert not found.exact
    torch.testing.assert_close(found.similarity, exact, atol=5e-3, rtol=0)
    assert bool((found.similarity <= exact + 1e-9).all())


def test_exhaustive_matching_equals_every_order_tried_by_hand() -> None:
    found = circuits([planted(2, 0)[0], planted(2, 9)[0]])
    a, b = found.weights
    best = max(
        float((a * b[order][:, order]).sum()) / float(a.norm() * b.norm())
        for order in found.every_permutation()
    )
    assert len(found.every_permutation()) == found.symmetries == 4
    assert float(match_circuits(found).similarity[0, 1]) == pytest.approx(best)


def test_models_of_other_widths_are_padded() -> None:
    narrow = Graph(("in", "layer.0.neuron.0"), (Edge("in", "layer.0.neuron.0", 3.0),))
    names = ("layer.0.neuron.0", "layer.0.neuron.1")
    wide = Graph(("in", *names), tuple(Edge("in", n, w) for n, w in zip(names, (4.0, 3.0))))  # noqa: B905
    assert float(match_circuits(circuits([narrow, wide])).similarity[0, 1]) == pytest.approx(0.8)


@pytest.mark.parametrize("heads", [2, 8])
def test_the_name_is_that_of_the_orbit(heads: int) -> None:
    for seed in range(5):
        one, other = planted(heads, seed)
        assert same_circuit(one, other)
        changed = Graph(other.nodes, (*other.edges[1:], Edge("embed", "logits", 0.5)))
        assert not same_circuit(one, changed)


def ring(order: list[int], chords: bool) -> Graph:
    """Six neurons in one ring, or in two triangles: colour refinement alone can't tell."""
    steps = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]
    if not chords:
        steps = [(n, (n + 1) % 6) for n in range(6)]
    name = [f"neuron.{order[n]}" for n in range(6)]
    return Graph(tuple(name), tuple(Edge(name[a], name[b], 1.0) for a, b in steps))


def test_what_colours_cannot_tell_is_told() -> None:
    orders = [list(order) for order in permutations(range(6))][::97]
    assert all(same_circuit(ring(orders[0], False), ring(order, False)) for order in orders)
    assert all(same_circuit(ring(orders[0], True), ring(order, True)) for order in orders)
    assert not same_circuit(ring(orders[0], True), ring(orders[0], False))


def test_nodes_without_edges_are_interchangeable_and_counted() -> None:
    bare = [Graph(tuple(f"neuron.{n}" for n in range(k)), ()) for k in (12, 12, 11)]
    names = canonical_circuits(circuits(bare))
    assert names[0] == names[1] != names[2]


def test_layers_and_ports_are_not_exchanged() -> None:
    def alone(layer: int, port: str) -> Graph:
        name = f"blocks.{layer}.attn.head.0.{port}"
        return Graph(("embed", name), (Edge("embed", name, 1.0),))

    assert not same_circuit(alone(0, "query"), alone(1, "query"))
    assert not same_circuit(alone(0, "query"), alone(0, "key"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("blocks.0.attn.head.rank.3.query", Node("blocks.0.attn.head", 3, ".query")),
        ("mlp.neuron.12", Node("mlp.neuron", 12, "")),
        ("L2H10", Node("L2H", 10, "")),
        ("a0.h3", Node("a0.h", 3, "")),
        ("embed", Node("", 0, "embed")),
        ("input.3", Node("", 0, "input.3")),
        ("layers.0.out.rank.2", Node("layers.0.out", 2, "")),
    ],
)
def test_names_of_nodes(name: str, expected: Node) -> None:
    assert node(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("blocks.1.attn.head.rank.0.query", "blocks.attn.head.query"),
        ("L2H10", "LH"),
        ("logits", "logits"),
        ("17", "17"),
    ],
)
def test_roles(name: str, expected: str) -> None:
    assert role(name) == expected


def test_role_graphs_by_hand() -> None:
    small = Graph(
        ("in", "head.0", "head.1"), (Edge("in", "head.0", 3.0), Edge("in", "head.1", 4.0))
    )
    large = Graph(("in", "head.0", "out"), (Edge("in", "head.0", 2.0), Edge("head.0", "out", 2.0)))
    assert role_graph(small).edges == (Edge("in", "head", 1.0),)
    shares, names = role_shares([small, large])
    assert names == ("in -> head", "head -> out")
    torch.testing.assert_close(shares, torch.tensor([[1.0, 0.0], [0.5, 0.5]]).double())
    assert float(role_similarity(shares)[0, 1]) == pytest.approx(0.5**0.5)


def test_role_shares_do_not_see_order_or_scale() -> None:
    one, other = planted(3, 0)
    scaled = Graph(other.nodes, tuple(Edge(e.source, e.target, 7 * e.weight) for e in other.edges))
    assert float(role_similarity(role_shares([one, scaled])[0])[0, 1]) == pytest.approx(1.0)


def test_bad_graphs_are_refused() -> None:
    with pytest.raises(ValueError, match="edges between its nodes"):
        circuits([Graph(("a",), (Edge("a", "b", 1.0),))])
    with pytest.raises(ValueError, match="each node once"):
        circuits([Graph(("a", "a"), ())])
    with pytest.raises(ValueError, match="finite weights"):
        circuits([Graph(("a", "b"), (Edge("a", "b", float("nan")),))])
    with pytest.raises(ValueError, match="wanted one a model"):
        circuits([])
    with pytest.raises(ValueError, match="none in graphs"):
        role_shares([Graph(("a", "b"), (Edge("a", "b", 1.0),)), Graph(("a",), ())])


def test_outputs_stay_and_units_within_units_are_refused() -> None:
    graphs = [Graph(("x", "out.0", "out.1"), (Edge("x", f"out.{n}", 1.0),)) for n in (0, 1)]
    assert not same_circuit(*graphs)
    nested = Graph(("x", "head.0.neuron.1"), (Edge("x", "head.0.neuron.1", 1.0),))
    with pytest.raises(ValueError, match="units that lie in no other unit"):
        circuits([nested])
