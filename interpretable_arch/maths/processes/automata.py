"""Weighted automata as predictors: the state after each token, and the odds of the next one.

    f(x_1 .. x_n) = a A_{x_1} .. A_{x_n} b,    p(x | x_1 .. x_n) = s A_x b / sum_y s A_y b

with s = a A_{x_1} .. A_{x_n}, of which the size does not matter. These odds sum to one, but nothing
keeps them positive in an automaton that was estimated: whatever is below a floor, a small share of
how often the token stands anywhere, is raised to it and the rest made smaller (`floored`).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.maths.processes.distance import States


def readout(model: States) -> tuple[Float[Tensor, "vocab state"], Float[Tensor, " state"]]:
    """u_x = A_x b for every token, and their sum."""
    _, operators, end = model
    each = operators @ end
    return each, each.sum(0)


def states_after(
    model: States, tokens: Int[Tensor, "*batch position"]
) -> Float[Tensor, "*batch position state"]:
    """s after each token, divided so that the odds of the next one sum to 1.

    After what has no mass at all it is the start, and goes on from there. A loop, not a scan: where
    it starts again is known only once all before it is read.
    """
    start, operators, _ = model
    mass = readout(model)[1]
    start = start / (start @ mass)
    found, row = [], start.expand(*tokens.shape[:-1], -1)
    for token in tokens.unbind(-1):
        chosen = operators.index_select(0, token.flatten()).view(*token.shape, *operators.shape[1:])
        row = (row[..., None, :] @ chosen).squeeze(-2)
        largest = row.detach().abs().amax(-1, keepdim=True)
        row = row / torch.where(largest > 0, largest, torch.ones_like(largest))
        size = (row @ mass)[..., None]
        # Only a row that is lost altogether: a test against its entries would depend on the basis.
        alive = size.abs() > torch.finfo(size.dtype).tiny
        row = torch.where(alive, row, start)
        found.append(row / torch.where(alive, size, torch.ones_like(size)))
    return torch.stack(found, -2)


def floors(model: States, share: float | Tensor) -> Float[Tensor, " vocab"]:
    """The least odds of each token: `share` times the mean of its stationary odds and 1 / vocab."""
    each, mass = readout(model)
    anywhere = ((each @ model[0]) / (mass @ model[0])).clamp_min(0)
    return share * (anywhere / anywhere.sum() + 1 / len(each)) / 2


def floored(
    odds: Float[Tensor, "*index vocab"], least: Float[Tensor, " vocab"]
) -> Float[Tensor, "*index vocab"]:
    """Odds of at least `least`, then divided by their sum: positive, and 1 in all."""
    raised = torch.maximum(odds, least)
    return raised / raised.sum(-1, keepdim=True)


def log_losses(
    model: States, rows: Int[Tensor, "row position"], shares: Sequence[float]
) -> Float[Tensor, "share row scored"]:
    """-log p of each token but the first of each row, in nats, for each floor."""
    odds = states_after(model, rows[:, :-1]) @ readout(model)[0].T
    found = []
    for share in shares:
        p = floored(odds, floors(model, share))
        found.append(-p.gather(-1, rows[:, 1:, None]).squeeze(-1).log())
    return torch.stack(found)
