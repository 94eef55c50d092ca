"""How alike two weighted circuits are when their symmetric units are put in the best order.

    similarity = max over permutations g of  <A, g B> / (|A| |B|)      in [-1, 1], 1 equal up to g

<.,.> sums over edges. This is quadratic assignment (Koopmans and Beckmann 1957), hard in general.
Where there are at most `EXHAUSTIVE` permutations all are tried and the result is the maximum. Above
that, coordinate ascent, one linear assignment a group at a time (Kuhn 1955), from the order given,
the order of strength, and random ones: a lower bound of it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from analysis.stability.interpretations.circuits import Circuits

EXHAUSTIVE = 720
SWEEPS = 50


@dataclass(frozen=True, eq=False)
class CircuitMatching:
    """`similarity` of all pairs; `exact` where every permutation was tried."""

    similarity: Float[Tensor, "seed seed"]
    exact: bool


def match_circuits(found: Circuits, *, restarts: int = 4, seed: int = 0) -> CircuitMatching:
    """Edge similarity of all pairs after best matching of their units, 1 on the diagonal.

    A model without edges has similarity 0 to all others. Costs K^2 times the permutations times the
    edges where exact, else K^2 (restarts + 2) sweeps of one assignment a group. Raises ValueError
    for `restarts` below 0.
    """
    if restarts < 0:
        raise ValueError(f"restarts: wanted 0 or more, got {restarts}")
    norms = found.weights.flatten(1).norm(dim=1)
    norms = torch.where(norms > 0, norms, 1.0)
    exact = found.symmetries <= EXHAUSTIVE
    best = _exhaustive(found) if exact else _ascended(found, restarts, seed)
    similarity = best / (norms[:, None] * norms[None, :])
    return CircuitMatching(similarity.clamp(-1.0, 1.0).fill_diagonal_(1.0), exact)


def matched_order(
    found: Circuits, one: int, other: int, start: Int[Tensor, "node"]
) -> tuple[Int[Tensor, "node"], float]:
    """Best order of the other's nodes reached by ascent from `start`, and the overlap <A, g B>."""
    a, b, order = found.weights[one], found.weights[other], start.clone()
    value = float((a * b[order][:, order]).sum())
    for _ in range(SWEEPS):
        before = value
        for units in found.groups.values():
            tried = _reassigned(a, b, order, units)
            reached = float((a * b[tried][:, tried]).sum())
            if reached > value:
                order, value = tried, reached
        if value <= before + 1e-12 * abs(before):
            break
    return order, value


def _reassigned(
    a: Float[Tensor, "node node"],
    b: Float[Tensor, "node node"],
    order: Int[Tensor, "node"],
    units: Int[Tensor, "unit port"],
) -> Int[Tensor, "node"]:
    """The group's units put in the order that is best while all other nodes stay."""
    count = len(units)
    theirs = order[units]
    out = a[units].reshape(count, -1) @ b[theirs][..., order].reshape(count, -1).T
    into = a.T[units].reshape(count, -1) @ b.T[theirs][..., order].reshape(count, -1).T
    _, chosen = linear_sum_assignment((out + into).numpy(), maximize=True)
    found = order.clone()
    found[units] = theirs[torch.from_numpy(chosen)]
    return found


def _exhaustive(found: Circuits) -> Float[Tensor, "seed seed"]:
    """One matrix product a permutation: all pairs at once."""
    flat = found.weights.flatten(1)
    best = torch.full((len(flat), len(flat)), -torch.inf, dtype=torch.float64)
    for order in found.every_permutation():
        best = torch.maximum(best, flat @ found.weights[:, order][:, :, order].flatten(1).T)
    return torch.maximum(best, best.T)


def _ascended(found: Circuits, restarts: int, seed: int) -> Float[Tensor, "seed seed"]:
    count = len(found.weights)
    generator = torch.Generator().manual_seed(seed)
    random = [_shuffled(found, generator) for _ in range(restarts)]
    ranked = [_by_strength(found, model) for model in range(count)]
    inverse = [torch.argsort(order) for order in ranked]
    best = torch.zeros(count, count, dtype=torch.float64)
    for one in range(count):
        for other in range(one + 1, count):
            starts = [torch.arange(len(found.nodes)), ranked[other][inverse[one]], *random]
            values = [matched_order(found, one, other, start)[1] for start in starts]
            best[one, other] = max(values)
    diagonal = found.weights.flatten(1).square().sum(1)
    return best + best.T + torch.diag(diagonal)


def _by_strength(found: Circuits, model: int) -> Int[Tensor, "node"]:
    """Units of each group from the one whose edges weigh most to the one whose weigh least."""
    squares = found.weights[model].square()
    strength = squares.sum(0) + squares.sum(1)
    order = torch.arange(len(found.nodes))
    for units in found.groups.values():
        order[units] = units[strength[units].sum(1).argsort(descending=True)]
    return order


def _shuffled(found: Circuits, generator: torch.Generator) -> Int[Tensor, "node"]:
    order = torch.arange(len(found.nodes))
    for units in found.groups.values():
        order[units] = units[torch.randperm(len(units), generator=generator)]
    return order
