"""After the last update, a model finds the meanings of its words on the training text.

For models with `fit_meanings` (see `interpretable_arch.models.meaning_prototypes`), which takes
unlabelled windows of tokens; known meanings are not shown to it. Use from YAML:

    trainer: {callbacks: [{class_path: training.switches.meaning_fit.MeaningFit}]}
"""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from interpretable_arch.registry import build
from training.data.side_by_side import places
from training.data.task import Stream
from training.module import BlockModule

PIECE = 128


class MeaningFit(Callback):
    """Fits each seed of the block by itself. A seed that diverged keeps its meanings unfitted.

    Raises ValueError, once training starts, for a model without meanings and for data that is no
    running text.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, BlockModule)
        tree, train = pl_module.block.tree, pl_module.task.train
        if not hasattr(tree, "fit_meanings"):
            raise ValueError(f"model: wanted one with fit_meanings, got {type(tree).__name__}")
        if not isinstance(train, Stream):
            raise ValueError(f"task: wanted running text, got a {type(train).__name__}")

    @torch.no_grad()
    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Not at the end of training: one that was stopped at its last step has none left."""
        assert isinstance(pl_module, BlockModule)
        block = pl_module.block
        held = dict(block.tree.named_buffers(recurse=False))
        for index, finite in enumerate(block.is_finite().tolist()):
            if not finite:
                continue
            for name, value in fitted(pl_module, index).named_buffers(recurse=False):
                (held[name][index] if block.seed_axes else held[name]).copy_(value)


def fitted(module: BlockModule, index: int) -> nn.Module:
    """One seed's model, with the meanings it finds on the training text."""
    part, task = module.experiment.model, module.task
    assert isinstance(task.train, Stream)
    model = build(part.class_path, part.init_args, task.dimensions)
    state = module.block.seed_state(index)
    some = next(iter(state.values()))
    model = model.to(some.device, some.dtype)
    model.load_state_dict(state, strict=False)
    windows = (task.train.tokens[at].to(some.device) for at in places(task.train, PIECE))
    model.eval().fit_meanings(windows)  # pyright: ignore[reportCallIssue]
    return model
