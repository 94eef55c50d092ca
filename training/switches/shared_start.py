"""All seeds start from one and the same initialisation: the control that tells what it decides.

What then still differs is decided by the order of the data and by noise. The entropy of such a
study is that of a procedure with its start fixed, not of the landscape.
"""

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from training.block import set_seed_values
from training.experiment import Seed
from training.fit import seed_model
from training.module import BlockModule


class SharedStart(Callback):
    """Sets every seed to the model of initialisation `seed`. ValueError for one below 0."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = Seed(seed, 0, 0)

    @torch.no_grad()
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Before a checkpoint is read, which goes before it."""
        assert isinstance(pl_module, BlockModule)
        state = seed_model(pl_module.experiment, self.seed, pl_module.task).state_dict()
        for index in range(len(pl_module.seeds)):
            set_seed_values(pl_module.block, index, state)
