"""Grids that follow the data: spline layers are refitted to the range that their inputs have.

A hidden unit's range is not known before training. Every `every` updates, until `until`, the grid
of each coordinate that the latest batch has left, or fills by less than `fills`, is put on the
batch's range with a margin, and the coefficients are refitted by least squares (Liu et al. 2024,
arXiv 2404.19756, update grids in the same way). Use as a Lightning callback from YAML:

    trainer:
      callbacks:
        - {class_path: training.switches.spline_grids.SplineGrids, init_args: {until: 1000}}
"""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from interpretable_arch.layers.spline import Spline
from interpretable_arch.maths.splines import regridded
from training.module import BlockModule


class SplineGrids(Callback):
    """Moves the grids of every spline layer in the block, each seed's own."""

    def __init__(
        self, until: int, every: int = 10, margin: float = 0.05, fills: float = 0.9
    ) -> None:
        for name, got, least in (("until", until, 1), ("every", every, 1), ("margin", margin, 0)):
            if got < least:
                raise ValueError(f"{name}: wants {least} or more, got {got}")
        if not 0 <= fills < 1:
            raise ValueError(f"fills: wants a number from 0 to below 1, got {fills}")
        self.until, self.every, self.margin, self.fills = until, every, margin, fills

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.until >= trainer.max_steps:
            wanted = f"fewer than max_steps = {trainer.max_steps}"
            raise ValueError(f"until: wants {wanted}, so that the last grids are trained on")
        assert isinstance(pl_module, BlockModule)
        if not any(isinstance(m, Spline) for m in pl_module.block.tree.modules()):
            raise ValueError("SplineGrids: wants a model with spline layers, got one without")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        """Before a step, not after the one before: a checkpoint between them has the old grids,
        and training that goes on from it moves them just the same."""
        step = trainer.global_step
        if not step or step % self.every or step > self.until:
            return
        assert isinstance(pl_module, BlockModule)
        for layer in pl_module.block.tree.modules():
            if isinstance(layer, Spline):
                follow(layer, self.margin, self.fills)


@torch.no_grad()
def follow(layer: Spline, margin: float, fills: float) -> None:
    """Put the grid on what the layer has `seen` wherever that fits badly; one seed or a stack."""
    ends, seen = layer.ends, layer.seen
    width = (seen[..., 1:] - seen[..., :1]).clamp_min(torch.finfo(seen.dtype).eps)
    room = torch.tensor([-margin, margin]).to(seen)
    left = (seen[..., :1] < ends[..., :1]) | (seen[..., 1:] > ends[..., 1:])
    loose = width < fills * (ends[..., 1:] - ends[..., :1])
    # A diverged seed has no range; its grid stays, so that the other seeds can be refitted.
    moved = (left | loose) & width.isfinite() & (width > 1e-6)
    new = torch.where(moved, seen + width * room, ends)
    finite = layer.C.isfinite().flatten(-2).all(-1)[..., None, None]
    refitted = regridded(torch.where(finite, layer.C, 0), ends, new, layer.config.outside)
    layer.C.copy_(torch.where(moved[..., None] & finite, refitted, layer.C))
    layer.ends.copy_(new)
