"""Rows of symbols, each an independent sequence: windows of them to train on, whole rows held out.

A model reads a held-out row from its first symbol, and the symbols of the burn-in, which only tell
it the state, are not scored: their targets are -100. What is left is the published protocol of
Srinivasan, Gordon & Boots 2018 (arXiv 1710.09016), 1,000 of 3,000 symbols.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from training.data.task import Split, Stream, Task

IGNORED = -100


@dataclass(frozen=True, eq=False)
class Rows(Split):
    """Whole rows: inputs [row, position], targets one place later, -100 within the `burn_in`.

    `truth` is the mean of -log p, in nats per scored symbol, of the process that made the rows.
    """

    burn_in: int = 0
    truth: float | None = None

    def to(self, device: torch.device | str) -> "Rows":
        """The same rows on `device`."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))


def whole_rows(symbols: np.ndarray, burn_in: int = 0, truth: float | None = None) -> Rows:
    """Rows of symbols [row, position] >= 0; only symbols from place `burn_in` on are scored.

    Raises ValueError where nothing would be scored.
    """
    check_burn_in(burn_in, symbols.shape[1])
    tokens = torch.as_tensor(symbols, dtype=torch.long)
    targets = tokens[:, 1:].clone()
    targets[:, : max(burn_in - 1, 0)] = IGNORED
    return Rows(tokens[:, :-1].clone(), targets, burn_in, truth)


def check_burn_in(burn_in: int, length: int) -> None:
    """ValueError unless something of rows of this length is scored after the burn-in."""
    if length < 2:
        raise ValueError(f"rows: wants two symbols or more in each, got {length}")
    if not 0 <= burn_in < length:
        raise ValueError(f"burn_in: wants 0 to {length - 1} (rows of {length}), got {burn_in}")


def windows(symbols: np.ndarray, context: int) -> Stream:
    """Windows of `context` symbols and their followers, none across the end of a row.

    Raises ValueError for rows too short for one window.
    """
    rows, length = symbols.shape
    if not 1 <= context < length:
        raise ValueError(f"context: wants 1 to {length - 1} (rows of {length}), got {context}")
    tokens = torch.as_tensor(symbols, dtype=torch.long).flatten()
    starts = torch.arange(rows)[:, None] * length + torch.arange(length - context)
    return Stream(tokens, starts.flatten(), context)


def rows_task(
    name: str,
    train: np.ndarray,
    held_out: np.ndarray,
    labels: Sequence[str],
    context: int | None,
    burn_in: int,
    truth: float | None = None,
) -> Task:
    """The task of predicting each next symbol; `context` None trains on whole rows."""
    reach = max(train.shape[1] if context is None else context + 1, held_out.shape[1]) - 1
    return Task(
        name=name,
        train=whole_rows(train) if context is None else windows(train, context),
        held_out=whole_rows(held_out, burn_in, truth),
        outputs=len(labels),
        labels=tuple(labels),
        dimensions={"vocab": len(labels), "context": reach, "outputs": len(labels)},
    )
