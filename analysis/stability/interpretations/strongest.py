"""The circuit within a dense graph: the fewest edges that carry a share of all squared weight."""

from interpretable_arch.interpretation import Edge, Graph

CARRIED = 0.9


def strongest(graph: Graph, carried: float = CARRIED) -> Graph:
    """The graph with these edges alone, each of weight 1, and all of its nodes.

    Ties are taken in the order given. Raises ValueError unless 0 < carried <= 1.
    """
    if not 0 < carried <= 1:
        raise ValueError(f"carried: wanted a number above 0 and up to 1, got {carried}")
    left = carried * sum(edge.weight**2 for edge in graph.edges) * (1 - 1e-12)
    kept = []
    for edge in sorted(graph.edges, key=lambda each: -abs(each.weight)):
        if left <= 0:
            break
        kept.append(Edge(edge.source, edge.target, 1.0))
        left -= edge.weight**2
    return Graph(graph.nodes, tuple(kept))


def edge_names(graph: Graph) -> frozenset[str]:
    """Each edge as `source -> target`."""
    return frozenset(f"{edge.source} -> {edge.target}" for edge in graph.edges)
