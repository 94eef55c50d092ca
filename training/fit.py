"""Train the seeds of an experiment that are not on disk yet, and return all its runs."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback
from lightning.pytorch import Trainer as LightningTrainer
from torch import nn
from tqdm import tqdm

from interpretable_arch.registry import build, locate
from training.atomic import remove_leftovers
from training.batches import Batches
from training.block_size import choose_block, make_block
from training.callbacks import Evaluation, Progress
from training.checkpoint import Checkpointing, SafetensorsIO
from training.combine import build_combination
from training.combine.members import Assignment, members_experiment
from training.data import Task, build_task
from training.data_fit import check_steps, fit_from_data, fits_data
from training.device import device_of
from training.dry_run import check_fit, draws_noise
from training.experiment import ConfigError, Experiment, Part, Seed
from training.finished import runs_of
from training.losses import build_loss
from training.mirror import Logger, check_logger, mirror
from training.module import BlockModule
from training.objective import Loss
from training.origin import origin_of, refuse_stale
from training.plan import PlannedBlock, blocks_folder, plan
from training.promise import check_promise
from training.runs import (
    DTYPES,
    Run,
    RunExistsError,
    experiment_folder,
    find_runs,
    load_run,
    save_run,
    seed_folder,
)
from training.surroundings import interruptible, quiet_lightning, undisturbed

__all__ = ["Logger", "check_requirement", "device_of", "fit", "seed_model", "train_block"]


def fit(
    experiment: Experiment,
    root: Path | str,
    *,
    progress: bool = True,
    logger: str | None = None,
    finished: Callable[[tuple[Run, ...]], None] | None = None,
) -> tuple[Run, ...]:
    """All runs of the experiment in the order of its seeds; only missing ones are trained.

    Seeds are trained block by block. An interrupted block goes on exactly where its last
    checkpoint left it. A model that draws random numbers in training, as dropout does, trains its
    seeds one at a time whatever `trainer.block` says, so that a run depends on its own seed alone.
    A repeat of a seed is trained again, by itself (see `plan`).

    `finished` is called each time a block has been written, with all runs there are so far, in the
    order of the seeds: for a partial answer while the rest is trained. What it raises ends the
    call, and loses nothing.

    Raises ConfigError or ValueError for a model or task that can't be built or that don't fit each
    other, RunError for a damaged run or one trained on other data or other code, DiskFullError for
    a full disk; finished runs are never touched. `logger` ("csv", "wandb", "wandb-online") mirrors
    each newly finished run; wandb stays offline unless "wandb-online" is asked.
    """
    check_logger(logger)
    root = Path(root)
    folder = experiment_folder(root, experiment)
    for place in (folder, blocks_folder(folder)):
        remove_leftovers(place)
    runs = find_runs(root, experiment)
    task = build_task(experiment.task.class_path, experiment.task.init_args)
    origin = origin_of(experiment, task)
    for seed, run in runs.items():
        refuse_stale(str(seed_folder(root, experiment, seed)), run.origin, origin)
    missing = [seed for seed in experiment.seeds if seed not in runs]
    if missing:
        make = _train if experiment.combine is None else _combine
        for new in make(experiment, missing, task, origin, root, progress):
            for run in new:
                runs[run.seed] = run
                mirror(run, folder, logger)
            if finished is not None:
                with tqdm.external_write_mode():  # what it prints stands above the bar
                    finished(_in_order(experiment, runs))
    return _in_order(experiment, runs)


def _in_order(experiment: Experiment, runs: Mapping[Seed, Run]) -> tuple[Run, ...]:
    return tuple(runs[seed] for seed in experiment.seeds if seed in runs)


@contextmanager
def _settings_of(experiment: Experiment) -> Iterator[None]:
    """Around the training itself and nothing else: a caller's code may run between two blocks."""
    with undisturbed(DTYPES[experiment.trainer.precision]), quiet_lightning():
        yield


def _train(
    experiment: Experiment,
    missing: Sequence[Seed],
    task: Task,
    origin: Mapping[str, str],
    root: Path,
    progress: bool,
) -> Iterator[tuple[Run, ...]]:
    """The missing runs, block by block, once each block lies on disk."""
    device = device_of(experiment.trainer.accelerator)
    task = task.to(device)
    with _settings_of(experiment):
        blocks = _planned(experiment, missing, task, root, device)
    with _bar(experiment, len(blocks), progress) as bar:
        for planned in blocks:
            with _settings_of(experiment):
                module = train_block(experiment, planned, task, device, origin, bar)
            new = tuple(_kept(root, run) for run in runs_of(module) if run.seed in missing)
            planned.checkpoint.unlink(missing_ok=True)
            yield new


def _combine(
    experiment: Experiment,
    missing: Sequence[Seed],
    task: Task,
    origin: Mapping[str, str],
    root: Path,
    progress: bool,
) -> Iterator[tuple[Run, ...]]:
    """Each missing seed's run by itself, made of members that stay in the store beside it."""
    assert experiment.combine is not None
    method = build_combination(experiment.combine)
    alone = members_experiment(experiment, missing, method.members)
    members = iter(fit(alone, root, progress=progress))
    task = task.to(device_of(experiment.trainer.accelerator))
    folder = blocks_folder(experiment_folder(root, experiment))
    for seed in missing:
        mine = tuple(next(members) for _ in range(method.members))
        checkpoint = folder / f"student-{seed}.safetensors"
        asked = Assignment(experiment, seed, mine, task, origin, checkpoint)
        with _settings_of(experiment):
            new = (_kept(root, method.combine(asked)),)
        checkpoint.unlink(missing_ok=True)
        yield new


def _planned(
    experiment: Experiment, missing: Sequence[Seed], task: Task, root: Path, device: torch.device
) -> list[PlannedBlock]:
    """The blocks to train, once a dry run has shown that model and task fit each other."""

    def model() -> nn.Module:
        return seed_model(experiment, missing[0], task).to(device)

    def choose(count: int) -> int:
        return 1 if count == 1 else choose_block(experiment, missing[:count], model(), task)

    check_fit(experiment.model.class_path, model(), task)
    check_promise(experiment, model(), task)
    check_steps(experiment, model())
    if fits_data(model()) or draws_noise(model(), task):
        experiment = replace(experiment, trainer=replace(experiment.trainer, block=1))
    return plan(experiment, missing, blocks_folder(experiment_folder(root, experiment)), choose)


def _kept(root: Path, run: Run) -> Run:
    """The run as it lies on disk: this one, unless another process has finished it meanwhile."""
    try:
        save_run(root, run)
    except RunExistsError:
        folder = seed_folder(root, run.experiment, run.seed)
        first = load_run(folder)
        refuse_stale(str(folder), first.origin, run.origin)
        return first
    return run


@contextmanager
def _bar(experiment: Experiment, blocks: int, shown: bool) -> Iterator[Progress | None]:
    bar = Progress(experiment.name, blocks, experiment.trainer.max_steps) if shown else None
    try:
        yield bar
    finally:
        if bar is not None:
            bar.close()


def check_requirement(experiment: Experiment) -> None:
    """ConfigError where the untrained model keeps less than the experiment requires."""
    if experiment.require is not None:
        task = build_task(experiment.task.class_path, experiment.task.init_args)
        check_promise(experiment, seed_model(experiment, experiment.seeds[0], task), task)


def seed_model(experiment: Experiment, seed: Seed, task: Task) -> nn.Module:
    """The untrained model of a seed, on the processor: depends on `seed.init` alone."""
    part = experiment.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed.init)
        model = build(part.class_path, part.init_args, task.dimensions)
    return model.to(DTYPES[experiment.trainer.precision])


def train_block(
    experiment: Experiment,
    planned: PlannedBlock,
    task: Task,
    device: torch.device,
    origin: Mapping[str, str],
    progress: Progress | None = None,
    batches: Batches | None = None,
    loss: Loss | None = None,
) -> BlockModule:
    """Fit one block to the data, then train it to its end, from its checkpoint if there is one.

    `batches` and `loss` stand in for those of the task and of the experiment.
    """
    if progress is not None:
        progress.begin(planned.seeds)
    begun = time.monotonic()
    models = [_fitted(experiment, seed, task, device) for seed in planned.seeds]
    block = make_block(models, loss or build_loss(experiment.loss, models[0]))
    module = BlockModule(experiment, planned.seeds, block, task, origin, batches)
    module.seconds = time.monotonic() - begun
    if experiment.trainer.max_steps:
        _take_steps(experiment, planned.checkpoint, module, device, progress)
    else:
        module.to(device).measure(0)
        if progress is not None:
            progress.fitted()
    return module


def _fitted(experiment: Experiment, seed: Seed, task: Task, device: torch.device) -> nn.Module:
    model = seed_model(experiment, seed, task).to(device)
    fit_from_data(model, task, seed)
    return model


def _take_steps(
    experiment: Experiment,
    checkpoint: Path,
    module: BlockModule,
    device: torch.device,
    progress: Progress | None,
) -> None:
    trainer = experiment.trainer
    callbacks = [_own_callback(part) for part in trainer.callbacks]
    if progress is not None:
        callbacks.append(progress)
    with interruptible() as stopped:
        saving = Checkpointing(checkpoint, trainer.checkpoint_every, stopped)
        callbacks = [Evaluation(trainer.evaluation_period), saving, *callbacks]
        lightning = _lightning(experiment, device, checkpoint.parent, callbacks)
        lightning.fit(module, ckpt_path=checkpoint if checkpoint.exists() else None)


def _lightning(
    experiment: Experiment, device: torch.device, folder: Path, callbacks: list[Callback]
) -> LightningTrainer:
    return LightningTrainer(
        accelerator="gpu" if device.type == "cuda" else device.type,
        devices=1,
        max_steps=experiment.trainer.max_steps,
        max_epochs=-1,
        callbacks=callbacks,
        plugins=[SafetensorsIO(), LightningEnvironment()],
        deterministic="warn",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )


def _own_callback(part: Part) -> Callback:
    made = locate(part.class_path)(**part.init_args)
    if not isinstance(made, Callback):
        wanted, got = "a Lightning Callback", type(made).__name__
        raise ConfigError("trainer.callbacks", f"wants {wanted}, {part.class_path} made a {got}")
    return made
