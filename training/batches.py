"""The batch of each update as a pure function of (order seed, step), for every seed of a block."""

from collections.abc import Sequence
from functools import cached_property

import torch
from jaxtyping import Shaped
from torch import Tensor

from training.data.order import batch_indices
from training.data.task import Split, Stream
from training.experiment import Seed


class Batches:
    """Random access to the training batches of a block of seeds; data stay where they lie.

    `by_seed` says whether batches carry a leading seed axis: a full batch is the same for all
    seeds and is taken once.
    """

    def __init__(self, train: Split | Stream, batch_size: int | None, seeds: Sequence[Seed]):
        self._train, self._batch_size, self._seeds = train, batch_size, tuple(seeds)
        self.by_seed = batch_size is not None

    @cached_property
    def _whole(self) -> tuple[Shaped[Tensor, "..."], Shaped[Tensor, "..."]]:
        return self._train.take(torch.arange(len(self._train)))

    def at(self, step: int) -> tuple[Shaped[Tensor, "..."], Shaped[Tensor, "..."]]:
        """Inputs and targets of update `step`: [seed, batch, ...], or [example, ...] if shared."""
        if not self.by_seed:
            return self._whole
        length, size = len(self._train), self._batch_size
        rows = [batch_indices(length, size, seed.order, step) for seed in self._seeds]
        return self._train.take(torch.stack(rows))
