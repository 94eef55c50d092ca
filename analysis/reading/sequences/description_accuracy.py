"""Description accuracy: how much better than guessing a model foretells the rows held out.

DA = 1 + L / (l ln s), L the log-likelihood of the l symbols scored of a row, s the number of
symbols: 0 for guessing uniformly, 1 for knowing. Below 0 the published measure bends,
DA = tanh(x / 8), x the value above (Srinivasan, Gordon & Boots 2018, arXiv 1710.09016). A row's
burn-in is read and not scored.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from analysis.reading.finding import Finding
from training.data.rows import IGNORED, Rows
from training.data.task import Task

PIECE = 4  # rows read at once


def description_accuracy(
    log_likelihood: Float[Tensor, " row"], scored: int, symbols: int
) -> Float[Tensor, " row"]:
    """DA in (-1, 1] of each row, from the log-likelihood in nats of its `scored` symbols.

    Raises ValueError for fewer than one symbol scored or two kinds of symbols.
    """
    if scored < 1 or symbols < 2:
        raise ValueError(f"scored and symbols: want 1 and 2 or more, got {scored} and {symbols}")
    plain = 1 + log_likelihood / (scored * math.log(symbols))
    # (1 - e^(-x/4)) / (1 + e^(-x/4)) as published, which is tanh(x/8).
    return torch.where(plain < 0, (plain / 8).tanh(), plain)


def row_log_likelihood(
    outputs: Float[Tensor, "row position symbol"], targets: Int[Tensor, "row position"]
) -> Float[Tensor, " row"]:
    """Sum of log p(target) over the targets of each row that are not -100, in nats."""
    counted = targets != IGNORED
    chosen = outputs.double().log_softmax(-1)
    picked = chosen.gather(-1, targets.clamp(min=0)[..., None]).squeeze(-1)
    return (picked * counted).sum(-1)


def read_description_accuracy(model: nn.Module, task: Task) -> Finding | None:
    """DA over the rows held out, its spread, and that of the process that made them where known.

    None for a task that is not one of whole rows.
    """
    rows = task.held_out
    if not isinstance(rows, Rows):
        return None
    pieces = zip(rows.inputs.split(PIECE), rows.targets.split(PIECE), strict=True)
    likelihood = torch.cat([row_log_likelihood(model(i), t) for i, t in pieces])
    scored = int((rows.targets[0] != IGNORED).sum())
    found = description_accuracy(likelihood, scored, task.outputs)
    figures = {
        "DA": float(found.mean()),
        "DA, standard deviation over rows": float(found.std(correction=0)),
    }
    if rows.truth is not None:
        planted = torch.tensor([-rows.truth * scored], dtype=torch.float64)
        figures["DA of the true process"] = float(
            description_accuracy(planted, scored, task.outputs)
        )
    return Finding(
        title="Description accuracy",
        figures=figures,
        notes=(
            f"{len(rows)} rows held out, read from their first symbol; "
            f"{scored} symbols of each scored after a burn-in of {rows.burn_in}",
        ),
    )
