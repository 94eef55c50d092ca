"""Random walks on a graph: tokens are nodes, and a node is followed by any of its neighbours alike.

Named graphs: "ring", "grid" (as near a square as `nodes` allows), "karate" (built like Zachary's
club: two hubs, members tied to the hub of their half, to each other at random, a few to both hubs)
and "communities" (two halves, ties within each are many and between them few). A walk stays where
it is with probability `lazy`, without which a graph of two colours, as an even ring, is periodic.
"""

import numpy as np

from training.data.markov_walks import chain_task
from training.data.task import Task

WITHIN, BETWEEN, TIES, BOTH = 0.5, 0.04, 0.12, 0.1


def graph_walks(
    graph: str = "communities",
    nodes: int = 20,
    lazy: float = 0.1,
    tokens: int = 50_000,
    context: int = 32,
    held_out: float = 0.1,
    graph_seed: int = 0,
) -> Task:
    """Next-node prediction on one walk; the task carries the exact chain as operators.

    Raises ValueError for an unknown graph, numbers out of range, and a grid of a prime number.
    """
    makers = {"ring": _ring, "grid": _grid, "karate": _karate, "communities": _communities}
    if graph not in makers:
        raise ValueError(f"graph: wants one of {', '.join(makers)}, got {graph!r}")
    if nodes < 4:
        raise ValueError(f"nodes: wants 4 or more, got {nodes}")
    if not 0 <= lazy < 1:
        raise ValueError(f"lazy: wants a number from 0 up and below 1, got {lazy}")
    if graph_seed < 0:
        raise ValueError(f"graph_seed: wants 0 or more, got {graph_seed}")
    adjacency = makers[graph](nodes, np.random.default_rng(graph_seed))
    return chain_task(
        f"walks on {graph} of {nodes}",
        walk_matrix(adjacency, lazy),
        tuple(f"node {i}" for i in range(nodes)),
        tokens,
        context,
        held_out,
        graph_seed,
    )


def walk_matrix(adjacency: np.ndarray, lazy: float) -> np.ndarray:
    """p(w | u) of the lazy walk, [u, w]."""
    walk = adjacency / adjacency.sum(1, keepdims=True)
    return lazy * np.eye(len(adjacency)) + (1 - lazy) * walk


def _tied(nodes: int, pairs: np.ndarray) -> np.ndarray:
    """The symmetric table of ties; a ring through all nodes where one would be without."""
    table = np.zeros((nodes, nodes))
    table[pairs[:, 0], pairs[:, 1]] = 1
    table = np.maximum(table, table.T)
    np.fill_diagonal(table, 0)
    return table


def _ring(nodes: int, draw: np.random.Generator) -> np.ndarray:
    first = np.arange(nodes)
    return _tied(nodes, np.stack([first, (first + 1) % nodes], 1))


def _grid(nodes: int, draw: np.random.Generator) -> np.ndarray:
    rows = max(r for r in range(1, int(nodes**0.5) + 1) if nodes % r == 0)
    if rows == 1:
        raise ValueError(f"nodes: wants a number with a divisor for a grid, got {nodes}")
    place = np.arange(nodes).reshape(rows, -1)
    down = np.stack([place[:-1].ravel(), place[1:].ravel()], 1)
    right = np.stack([place[:, :-1].ravel(), place[:, 1:].ravel()], 1)
    return _tied(nodes, np.concatenate([down, right]))


def _karate(nodes: int, draw: np.random.Generator) -> np.ndarray:
    """Hubs 0 and nodes - 1; every member has the hub of its half, some the other one too."""
    half = np.arange(nodes) < nodes // 2
    hub = np.where(half, 0, nodes - 1)
    own = np.stack([np.arange(nodes), hub], 1)
    both = np.flatnonzero(draw.random(nodes) < BOTH)
    other = np.stack([both, nodes - 1 - hub[both]], 1)
    same = half[:, None] == half
    friends = np.argwhere((draw.random((nodes, nodes)) < TIES) & same)
    bridge = np.array([[nodes // 2 - 1, nodes // 2]])
    return _tied(nodes, np.concatenate([own, other, friends, bridge]))


def _communities(nodes: int, draw: np.random.Generator) -> np.ndarray:
    half = np.arange(nodes) < nodes // 2
    chance = np.where(half[:, None] == half, WITHIN, BETWEEN)
    drawn = np.argwhere(draw.random((nodes, nodes)) < chance)
    # A ring through all of them, so that every node has a neighbour and none is cut off.
    first = np.arange(nodes)
    ring = np.stack([first, (first + 1) % nodes], 1)
    return _tied(nodes, np.concatenate([drawn, ring]))
