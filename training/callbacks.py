"""What happens between the updates of a block: evaluation and a progress bar."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from tqdm import tqdm

from training.experiment import Seed
from training.module import NEVER, BlockModule

_REFRESH_SECONDS = 0.5


class Evaluation(Callback):
    """Measures the block before the first update, every `every` steps and after the last.

    Training stops early only when every seed of the block has diverged.
    """

    def __init__(self, every: int) -> None:
        self.every = every

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == 0:
            self._measure(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        step = trainer.global_step
        if step % self.every == 0 or step == trainer.max_steps:
            self._measure(trainer, pl_module)

    def _measure(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, BlockModule)
        module.measure(trainer.global_step)
        if bool((module.diverged_at != NEVER).all()):
            trainer.should_stop = True


class Progress(Callback):
    """One bar for an experiment's blocks: name, block, seeds, mean loss over seeds still finite."""

    def __init__(self, name: str, blocks: int, max_steps: int) -> None:
        self.name, self.blocks = name, blocks
        self._begun = 0
        self._bar = tqdm(
            total=blocks * max(1, max_steps),
            desc=name,
            unit="step" if max_steps else "fit",
            mininterval=_REFRESH_SECONDS,
            dynamic_ncols=True,
        )

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def begin(self, seeds: Sequence[Seed]) -> None:
        """Name the block that comes next."""
        self._begun += 1
        which = (
            f"seed {seeds[0]}"
            if len(seeds) == 1
            else f"{len(seeds)} seeds {seeds[0]} to {seeds[-1]}"
        )
        part = f" · block {self._begun} of {self.blocks}" if self.blocks > 1 else ""
        self._bar.set_description_str(f"{self.name}{part} · {which}")

    def fitted(self) -> None:
        """A block that needs no updates is done."""
        self._bar.update(1)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar.update(trainer.global_step)  # an interrupted block has these behind it

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        if self._bar.update(1) or trainer.global_step == trainer.max_steps:
            assert isinstance(pl_module, BlockModule)
            self._show_loss(pl_module)

    def _show_loss(self, module: BlockModule) -> None:
        assert module.latest is not None
        losses = module.latest[module.latest.isfinite()]
        shown = f"{losses.mean().item():.4g}" if len(losses) else "diverged"
        self._bar.set_postfix_str(f"loss {shown}", refresh=False)
