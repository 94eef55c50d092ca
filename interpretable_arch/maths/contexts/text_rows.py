"""The texts that batches of tokens and targets hold: one a row, or one a stretch of a row.

A row is its tokens and then its last target, the symbol that follows them. A target of -100 is not
scored: where it comes last, nobody says what follows, and the row ends with its tokens. Within a
row it says that the next symbol is not to be learned as what follows this one.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

IGNORED = -100
Batches = Sequence[tuple[Tensor, Tensor]]


def rows_of(batches: Batches) -> list[Int[Tensor, "_"]]:
    """Every row of tokens [row, position] with the symbol that follows its last, on the processor.

    A target of -100 within a row changes nothing: what was read before still tells the state.
    """
    return [row for row, _ in _with_targets(batches)]


def stretches_of(batches: Batches) -> list[Int[Tensor, "_"]]:
    """The rows, each cut wherever a target within it is -100, on the processor.

    No pair of neighbours in a stretch is one that is not scored.
    """
    found = []
    for row, targets in _with_targets(batches):
        cuts = (targets[: len(row) - 1] == IGNORED).nonzero().squeeze(1) + 1
        found.extend(row.tensor_split(cuts))
    return found


def _with_targets(batches: Batches) -> list[tuple[Tensor, Tensor]]:
    pairs = [
        pair
        for tokens, targets in batches
        for pair in zip(tokens.cpu(), targets.cpu(), strict=True)
    ]
    return [(torch.cat([row, last[last != IGNORED]]), t) for row, t in pairs for last in (t[-1:],)]
