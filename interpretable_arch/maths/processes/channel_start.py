"""Kraus operators from the moves of a classical predictor, as a start or exactly.

With p(w, j | i), the odds that a predictor in state i sees w and is in j then,

    K_{w,n} = sum over i = n mod kraus of  e^(2 pi i w / vocab) sum_j sqrt(p(w, j | i)) |j><i|

With as many operators as states this is the predictor exactly, for nothing reads coherences. With
fewer the states of one operator interfere; the phases, which turn with the token, cancel most of
that, and the nearest isometry takes away the rest.
"""

import math

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from interpretable_arch.maths.processes.isometry import nearest_isometry
from interpretable_arch.maths.processes.operator_tuples import check_inside


def moves(
    tokens: Int[Tensor, "row position"],
    states: Int[Tensor, "row position"],
    vocab: int,
    count: int,
) -> Float[Tensor, "vocab state next_state"]:
    """How often a state, after its token, was followed by token w and the next state, float64.

    Raises ValueError for a token or a state out of range.
    """
    check_inside("tokens", tokens, vocab)
    check_inside("states", states, count)
    number = (tokens[:, 1:] * count + states[:, :-1]) * count + states[:, 1:]
    found = torch.bincount(number.flatten().cpu(), minlength=vocab * count * count)
    return found.reshape(vocab, count, count).double()


def predictor_kraus(
    counts: Float[Tensor, "vocab state state"], kraus: int
) -> Complex[Tensor, "vocab kraus state state"]:
    """The operators of a predictor with these counts of moves; an isometry.

    A state that was never left goes everywhere alike. Raises ValueError where so few operators
    cannot keep the states apart: no isometry is nearest.
    """
    vocab, d = counts.shape[:2]
    total = counts.sum((0, 2))[None, :, None]
    odds = torch.where(total > 0, counts / total.clamp(min=1), 1 / (vocab * d))
    angle = torch.outer(torch.arange(vocab), torch.arange(d)) * (2 * math.pi / vocab)
    size = odds.sqrt()
    turned = torch.polar(size, angle.to(size)[..., None].expand_as(size)).mT
    chosen = torch.arange(d) % kraus == torch.arange(kraus)[:, None]
    K = turned[:, None] * chosen[:, None, :]
    rank = int(torch.linalg.matrix_rank(K.flatten(0, 2), rtol=1e-9))
    if rank < d:
        raise ValueError(f"kraus: wanted operators that keep {d} states apart, got {rank} apart")
    return nearest_isometry(K.flatten(0, 2), 20).reshape(K.shape)
