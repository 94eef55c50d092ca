"""The runs of one experiment as material: trained, untrained, and trained on shuffled answers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from analysis.stability.collect import collect
from analysis.stability.finite_nulls import collect_null
from analysis.stability.material import Material
from analysis.stability.nulls import SHUFFLED, UNTRAINED
from training.data.task import Task
from training.experiment import Experiment, Seed
from training.fit import seed_model
from training.runs import Run, run_model
from training.seeds import factors, fixed_streams, independent_places
from training.shuffled_runs import ShuffledRuns


def run_material(
    experiment: Experiment,
    runs: Sequence[Run],
    models: Sequence[nn.Module],
    labels: Sequence[str | None],
    shuffled: ShuffledRuns,
    task: Task,
) -> Material:
    """What the seeds are compared on; `labels`, one a seed, are what solutions are counted by.

    Everything is called on the task's probe. Where a seed names no solution there are no labels.
    """
    collected = _called(runs, models, task)
    untrained = [seed_model(experiment, seed, task) for seed in experiment.seeds]
    inputs, targets = task.probe.inputs, task.probe.targets
    before, unmeasured = collect_null(
        untrained, inputs, targets=targets, diverged=collected.diverged
    )
    dealt, unshuffled = _shuffled(shuffled.runs, task)
    reasons = {UNTRAINED: unmeasured, SHUFFLED: shuffled.absent or unshuffled}
    return replace(
        collected,
        labels=() if None in labels else tuple(str(label) for label in labels),
        losses=tuple(last_row(run)["held_out_loss"] for run in runs),
        factors=factors(experiment.seeds),
        varied=_varied(experiment.seeds),
        optimiser=experiment.optimizer.name if experiment.trainer.max_steps else "closed form",
        untrained=before,
        shuffled=dealt,
        absent={**collected.absent, **{null: why for null, why in reasons.items() if why}},
    )


def stressed(runs: Sequence[Run], models: Sequence[nn.Module], stress: Task) -> Material:
    """The same models called on the probe of another task. Raises ValueError if they can't be."""
    try:
        return _called(runs, models, stress)
    except ValueError as error:
        raise ValueError(f"stress: {error}") from error


def independent(material: Material, seeds: Sequence[Seed]) -> Material:
    """Of a crossed study the runs that share no stream, which hold the `whole` of it; else all."""
    places = independent_places(seeds)
    if len(places) == len(seeds):
        return material
    return replace(material.only(places), whole=material)


def last_row(run: Run) -> dict[str, Any]:
    """The last row of a run's metrics."""
    return run.metrics.slice(run.metrics.num_rows - 1).to_pylist()[0]


def _varied(seeds: Sequence[Seed]) -> str:
    """What intervals over these seeds speak of, where not of new seeds in every stream."""
    streams = [name for name in factors(seeds) if name != "repeat"]
    if len(seeds) < 2:
        return ""
    if not streams:
        return "all runs repeat one seed: intervals are for training it again, not for new seeds"
    fixed = fixed_streams(seeds)
    if not fixed:
        return ""
    return (
        f"{' and '.join(fixed)} {'is' if len(fixed) == 1 else 'are'} the same in all runs:"
        f" intervals are for new {' and '.join(streams)} alone"
    )


def _shuffled(runs: Sequence[Run], task: Task) -> tuple[Material | None, str]:
    """Runs on shuffled answers, called on the same inputs as the others; or why there are none."""
    return collect_null(
        [run_model(run, task) for run in runs],
        task.probe.inputs,
        targets=task.probe.targets,
        names=[str(run.seed) for run in runs],
        diverged=[run.status != "finished" for run in runs],
    )


def _called(runs: Sequence[Run], models: Sequence[nn.Module], task: Task) -> Material:
    return collect(
        models,
        task.probe.inputs,
        targets=task.probe.targets,
        names=[str(run.seed) for run in runs],
        diverged=[run.status != "finished" for run in runs],
    )
