"""Reseed dead codes from data: a code that no input chose for `patience` steps becomes an input
(Tamkin et al. 2023, arXiv 2310.17230), and the optimiser forgets what it knew of it.

The layer counts and keeps inputs in saved buffers, so a resumed training reseeds the same codes.
"""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from interpretable_arch.layers.codebook import Codebook, reseeded
from training.module import BlockModule


class CodebookReseeding(Callback):
    """Acts on every `Codebook` of the model, each seed by itself, within the optimiser's step.

    Raises ValueError for a patience below 1 and, once training starts, for a model without one.
    """

    def __init__(self, patience: int) -> None:
        if patience < 1:
            raise ValueError(f"patience: wanted at least 1 step, got {patience}")
        self.patience = patience

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, BlockModule)
        tree = pl_module.block.tree
        books = [m for m in tree.modules() if isinstance(m, Codebook)]
        if not books:
            raise ValueError(f"model: wanted one with a codebook, got {type(tree).__name__}")
        optimizer = trainer.optimizers[0]

        def after_step(*_: Any) -> None:
            for book in books:
                self.reseed(book, optimizer.state[book.C])

        self._hook = optimizer.register_step_post_hook(after_step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._hook.remove()

    @torch.no_grad()
    def reseed(self, book: Codebook, state: dict[str, Tensor]) -> None:
        """Replace the book's dead codes, on what it counted up to the step before this one.

        Adam's moments of a new code are zero; its step count is shared by all codes and stays.
        """
        codes, new = reseeded(book.C, book.idle, book.spares, self.patience)
        book.C.copy_(codes)
        book.idle.masked_fill_(new, 0)
        for name in ("exp_avg", "exp_avg_sq"):
            state[name].masked_fill_(new[..., None], 0)
