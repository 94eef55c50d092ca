"""The order in which a seed sees its data: a pure function of (order seed, step).

The examples form one endless row, made of blocks that are each drawn from their own key
(order seed, block number); batch t is places t*b to (t+1)*b - 1 of that row. A block is a shuffled
pass through the data. Of data longer than `LONGEST_SHUFFLE` a block is that many draws with
replacement, which costs no memory for a permutation and at that length rarely repeats.
"""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

LONGEST_SHUFFLE = 1 << 16


def batch_indices(
    length: int, batch_size: int | None, order_seed: int, step: int
) -> Int[Tensor, " batch"]:
    """Which of `length` examples make up batch number `step` (from 0) of `order_seed`.

    Any step can be asked for, in any order. A batch may span two passes through the data.
    `batch_size` None gives all examples, unshuffled. Raises ValueError for a batch larger than the
    data, or a negative seed or step.
    """
    if batch_size is None:
        return torch.arange(length)
    _check(length, batch_size, order_seed, step)
    period = min(length, LONGEST_SHUFFLE)
    pieces, place, missing = [], step * batch_size, batch_size
    while missing:
        number, offset = divmod(place, period)
        piece = _block(length, order_seed, number)[offset : offset + missing]
        pieces.append(piece)
        place, missing = place + len(piece), missing - len(piece)
    return torch.cat(pieces)


# Each of a stack's seeds comes back to its own block at every step.
@lru_cache(maxsize=512)
def _block(length: int, order_seed: int, number: int) -> Int[Tensor, " place"]:
    draw = np.random.default_rng((order_seed, number))
    if length <= LONGEST_SHUFFLE:
        return torch.from_numpy(draw.permutation(length))
    return torch.from_numpy(draw.integers(length, size=LONGEST_SHUFFLE))


def _check(length: int, batch_size: int, order_seed: int, step: int) -> None:
    if not 1 <= batch_size <= length:
        raise ValueError(f"batch_size: wants 1 to {length} (the training part), got {batch_size}")
    if order_seed < 0 or step < 0:
        raise ValueError(f"order_seed and step: want 0 or more, got {order_seed} and {step}")
