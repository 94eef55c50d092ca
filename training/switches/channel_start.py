"""A quantum channel starts from what a spectral automaton says of the training text.

The automaton, closed form, foretells every place of the training text; k-means puts the places
into d groups of like odds; how groups follow each other is a classical predictor, of which the
operators are made (`maths.processes.channel_start`). The same for every seed but for `noise`.
"""

import torch
from jaxtyping import Complex
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from interpretable_arch.maths.clusters import k_means
from interpretable_arch.maths.processes.channel_start import moves, predictor_kraus
from interpretable_arch.maths.processes.isometry import nearest_isometry
from interpretable_arch.maths.spread import evenly
from interpretable_arch.models.quantum_channel import QuantumChannel, QuantumChannelConfig
from interpretable_arch.models.spectral_automaton import SpectralAutomaton, SpectralAutomatonConfig
from training.block import set_seed_values
from training.data.task import Split, Stream
from training.data_fit import data_batches
from training.module import BlockModule
from training.random_state import noise_seed

PLACES = 5000  # grouped; the others join the nearest group


class ChannelStart(Callback):
    """Sets the operators of every seed before anything is measured.

    `noise` is the standard deviation of what is added to each entry, drawn by the seed's noise
    stream: operators that are zero exactly may have no gradient. Raises ValueError for less than
    0 and, once training starts, for a model that is no quantum channel.
    """

    def __init__(self, noise: float = 0.03) -> None:
        if not noise >= 0:
            raise ValueError(f"noise: wanted 0 or more, got {noise}")
        self.noise = noise

    @torch.no_grad()
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Before a checkpoint is read, which goes before it."""
        assert isinstance(pl_module, BlockModule)
        tree = pl_module.block.tree
        if not isinstance(tree, QuantumChannel):
            raise ValueError(f"model: wanted a quantum channel, got a {type(tree).__name__}")
        start = operators(tree.config, pl_module.task.train)
        for index, seed in enumerate(pl_module.seeds):
            draw = torch.Generator().manual_seed(noise_seed([seed]))
            added = torch.randn(start.shape, generator=draw, dtype=start.dtype)
            noisy = nearest_isometry((start + self.noise * added).flatten(0, 2)).reshape(
                start.shape
            )
            set_seed_values(pl_module.block, index, {"K": torch.view_as_real(noisy)})


@torch.no_grad()
def operators(
    config: QuantumChannelConfig, train: Split | Stream
) -> Complex[Tensor, "vocab kraus d d"]:
    """The start itself, complex128; a function of the data."""
    automaton = SpectralAutomaton(SpectralAutomatonConfig(config.vocab)).double().cpu()
    batches = [(tokens.cpu(), targets.cpu()) for tokens, targets in data_batches(train)]
    automaton.fit_data(batches)
    odds = [automaton(tokens).exp() for tokens, _ in batches]
    rows = torch.cat([o.flatten(0, 1) for o in odds])
    centres = k_means(rows[evenly(len(rows), PLACES)], config.d).centres
    counts = torch.zeros(config.vocab, config.d, config.d, dtype=torch.float64)
    for (tokens, _), o in zip(batches, odds, strict=True):
        groups = torch.cdist(o, centres.expand(len(o), -1, -1)).argmin(-1)
        counts += moves(tokens, groups, config.vocab, config.d)
    return predictor_kraus(counts, config.kraus)
