"""Windows of a stream that lie side by side, so that each word is read once."""

from collections.abc import Iterator

import torch
from jaxtyping import Int
from torch import Tensor

from training.data.task import Stream


def side_by_side(stream: Stream) -> Int[Tensor, " window"]:
    """Starts of windows that do not overlap, from the first on, as many as fit in that order."""
    kept, free = [], 0
    for start in stream.starts.tolist():
        if start >= free:
            kept.append(start)
            free = start + stream.context
    return torch.tensor(kept, device=stream.starts.device)


def places(stream: Stream, piece: int) -> Iterator[Int[Tensor, "window position"]]:
    """Where the words of those windows stand in the stream, at most `piece` windows at a time."""
    for starts in side_by_side(stream).split(piece):
        yield starts[:, None] + torch.arange(stream.context, device=starts.device)
