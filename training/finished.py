"""What a trained block leaves: a run for each of its seeds, with its history as a table."""

from collections.abc import Iterator

import pyarrow
import torch

from training.module import NEVER, BlockModule
from training.runs import Run, current_versions


def runs_of(module: BlockModule) -> Iterator[Run]:
    """One run for each seed of the block, in its order."""
    versions = current_versions()
    for index, seed in enumerate(module.seeds):
        diverged_at = int(module.diverged_at[index])
        yield Run(
            experiment=module.experiment,
            seed=seed,
            status="finished" if diverged_at == NEVER else "diverged",
            metrics=_metrics(module, index),
            weights=module.block.seed_state(index),
            seconds=module.seconds / len(module.seeds),
            versions=versions,
            labels=module.task.labels,
            diverged_at=None if diverged_at == NEVER else diverged_at,
            origin=module.origin,
        )


def _metrics(module: BlockModule, index: int) -> pyarrow.Table:
    rows = torch.stack([values[index] for _, values in module.history])
    columns = dict(zip(("train_loss", "held_out_loss", "held_out_accuracy"), rows.T, strict=True))
    return pyarrow.table(
        {
            "step": pyarrow.array([step for step, _ in module.history], pyarrow.int64()),
            **{name: pyarrow.array(column.numpy()) for name, column in columns.items()},
        }
    )
