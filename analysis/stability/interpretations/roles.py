"""Role graphs: nodes replaced by what they are, so that circuits of other sizes compare.

The weight of a role's edge is its share of all squared weight, so that depth and width fall away:

    share_r = sum of w^2 over edges of role r / sum of w^2,    similarity = sum_r sqrt(s_r t_r)

the affinity of two distributions (Bhattacharyya 1943): 1 where both put the same share on every
kind of edge, 0 where they share no kind. Circuits without edges are compared by their nodes.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.interpretations.units import role
from interpretable_arch.interpretation import Edge, Graph


def role_graph(graph: Graph) -> Graph:
    """Roles as nodes and, between them, the share of squared weight that their edges carry.

    Shares add up to 1. A graph without edges, or with zeros alone, gives no edges.
    """
    nodes = tuple(dict.fromkeys(map(role, graph.nodes)))
    totals: dict[tuple[str, str], float] = defaultdict(float)
    for edge in graph.edges:
        totals[role(edge.source), role(edge.target)] += edge.weight**2
    whole = sum(totals.values())
    edges = tuple(Edge(*ends, weight / whole) for ends, weight in totals.items() if weight > 0)
    return Graph(nodes, edges)


def role_shares(graphs: Sequence[Graph]) -> tuple[Float[Tensor, "seed role"], tuple[str, ...]]:
    """Shares of each graph over roles of edges (of nodes, where none has edges), and the names.

    Raises ValueError for no graphs, and where some have edges and others have none.
    """
    if not graphs:
        raise ValueError("graphs: wanted one a model, got none")
    edged = [bool(role_graph(graph).edges) for graph in graphs]
    if any(edged) and not all(edged):
        bare = [n for n, has in enumerate(edged) if not has]
        raise ValueError(f"graphs: wanted edges in all or in none, got none in graphs {bare}")
    shares = [_of_edges(graph) if edged[0] else _of_nodes(graph) for graph in graphs]
    names = tuple(dict.fromkeys(name for share in shares for name in share))
    rows = [[share.get(name, 0.0) for name in names] for share in shares]
    return torch.tensor(rows, dtype=torch.float64).reshape(len(graphs), len(names)), names


def role_similarity(shares: Float[Tensor, "seed role"]) -> Float[Tensor, "seed seed"]:
    """Affinity of all pairs in [0, 1] by one matrix product; 1 on the diagonal.

    Raises ValueError for shares below 0 or rows that don't add up to 1.
    """
    if bool((shares < 0).any()) or not torch.allclose(
        shares.sum(1), torch.ones(len(shares)).to(shares)
    ):
        raise ValueError("shares: wanted rows of shares that add up to 1, got others")
    roots = shares.double().sqrt()
    return (roots @ roots.T).clamp(0.0, 1.0).fill_diagonal_(1.0)


def _of_edges(graph: Graph) -> dict[str, float]:
    return {f"{edge.source} -> {edge.target}": edge.weight for edge in role_graph(graph).edges}


def _of_nodes(graph: Graph) -> dict[str, float]:
    counts = Counter(map(role, graph.nodes))
    return {name: count / len(graph.nodes) for name, count in counts.items()}
