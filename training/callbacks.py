"""What happens between the updates of a block: evaluation and a progress bar."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from tqdm import tqdm

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
    """One bar for a block: experiment, seeds, step, and the mean loss over seeds still finite."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._bar: tqdm | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar = tqdm(
            total=trainer.max_steps,
            initial=trainer.global_step,
            desc=self.label,
            unit="step",
            mininterval=_REFRESH_SECONDS,
            dynamic_ncols=True,
        )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: Any, **__: Any
    ) -> None:
        assert self._bar is not None
        if self._bar.update(1) or trainer.global_step == trainer.max_steps:
            assert isinstance(pl_module, BlockModule)
            self._show_loss(pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._close()

    def _show_loss(self, module: BlockModule) -> None:
        assert self._bar is not None
        assert module.latest is not None
        losses = module.latest[module.latest.isfinite()]
        shown = f"{losses.mean().item():.4g}" if len(losses) else "diverged"
        self._bar.set_postfix_str(f"loss {shown}", refresh=False)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
