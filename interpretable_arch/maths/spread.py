"""Evenly spread places in a row: the first, the last, and as even steps between as there are."""

import torch
from jaxtyping import Int
from torch import Tensor


def evenly(length: int, most: int) -> Int[Tensor, " place"]:
    """min(length, most) different places below `length`, ascending, ends included.

    One place alone is the first. Worked out in float64: in float32 a place may be missed.
    """
    count = min(length, most)
    return torch.linspace(0, length - 1, count, dtype=torch.float64).round().long()
