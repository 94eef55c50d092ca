"""One architecture on one task: K runs -> what they reached, how much they differ, what they say.

Models are called on the task's probe, held-out inputs the same for all seeds, trained and not. A
reading is made of every finished seed; on a group task its label is what solutions are counted by.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from analysis.parameter_spread import parameter_spread
from analysis.reading.finding import Finding
from analysis.reading.findings import read_all
from analysis.reading.groups.representation import GroupReading, read_group
from analysis.reading.logits import LogitReading, read_logits
from analysis.reading.over_seeds import FindingOverSeeds, over_seeds
from analysis.run_material import independent, last_row, run_material, stressed
from analysis.stability import Interval, Stability
from analysis.stability.entropies.classes import UNREAD
from analysis.stability.estimates.intervals import mean_interval, undefined
from analysis.stability.headline import headline_or_reason
from analysis.stability.level import Level
from analysis.stability.levels.every_level import Found, measure_levels, unheard
from analysis.stability.material import Material
from interpretable_arch.hooks import state_share
from training.data.task import Task
from training.experiment import Experiment, Seed
from training.runs import Run, run_model
from training.seeds import independent_places
from training.shuffled_runs import ShuffledRuns

Reading = GroupReading | LogitReading


@dataclass(frozen=True)
class Curve:
    """One seed's history; losses in the task's unit, accuracy in [0, 1]."""

    seed: str
    step: tuple[int, ...]
    train_loss: tuple[float, ...]
    held_out_loss: tuple[float, ...]
    held_out_accuracy: tuple[float, ...]


@dataclass(frozen=True)
class Cell:
    """What K seeds of one architecture did on one task.

    `compared` are the seeds that `stability` and `levels` number: all, or of a crossed study those
    that share no stream. Loss and accuracy are held out, after the last step, over those of them
    that did not diverge; `solved` counts seeds at or above `solved_at`, of all; `seconds` is the
    training time of all.
    `sum_error` is the worst relative error of the sum of parts against forward, in the precision
    of the run; None for a model without parts. `state_share` is how much the output changes when
    the state that exactness is given is another input's (mean over seeds). `parameter_spread` is
    how far the canonical parameters of seeds lie apart, of models that claim one optimum.
    """

    task: str
    architecture: str
    unit: str
    exactness: str
    parameters: int
    seeds: tuple[str, ...]
    compared: tuple[str, ...]
    status: tuple[str, ...]
    solved: int
    solved_at: float
    held_out_loss: Interval
    held_out_accuracy: Interval
    seconds: float
    sum_error: float | None
    state_share: float | None
    parameter_spread: float | None
    curves: tuple[Curve, ...]
    stability: Stability
    levels: tuple[Level, ...]
    readings: tuple[Reading | None, ...]
    findings: tuple[FindingOverSeeds, ...]

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON."""
        records = ("stability", "levels", "readings", "findings")
        plain = {k: v for k, v in vars(self).items() if k not in records}
        return {
            **plain,
            "held_out_loss": self.held_out_loss.to_mapping(),
            "held_out_accuracy": self.held_out_accuracy.to_mapping(),
            "curves": [asdict(c) for c in self.curves],
            "stability": self.stability.to_mapping(),
            "levels": [level.to_mapping() for level in self.levels],
            "readings": [None if r is None else r.to_mapping() for r in self.readings],
            "findings": [f.to_mapping() for f in self.findings],
        }


def measure(
    names: tuple[str, str],
    experiment: Experiment,
    runs: Sequence[Run],
    task: Task,
    *,
    solved_at: float,
    threshold: float,
    shuffled: ShuffledRuns,
    stress: Task | None = None,
    found: Found = unheard,
    progress: bool = False,
) -> tuple[Cell, Material]:
    """The cell of a (task, architecture) pair from its runs, in the order of the seeds.

    Beside it what was compared, so that architectures can be compared with each other. `found`
    hears of each level of stability as it is measured.
    """
    models = [run_model(run, task) for run in runs]
    fine = [run.status == "finished" for run in runs]
    readings = tuple(_read(m, task) if ok else None for m, ok in zip(models, fine, strict=True))
    told = zip(models, readings, fine, experiment.seeds, strict=True)
    labels = [_label(m, r, seed) if ok else "diverged" for m, r, ok, seed in told]
    material = run_material(experiment, runs, models, labels, shuffled, task)
    if stress is not None:
        material = replace(material, stress=stressed(runs, models, stress))
    material = independent(replace(material, threshold=threshold), experiment.seeds)
    headline, partial = headline_or_reason(material)
    if headline is None:
        raise ValueError(f"{names[1]} on {names[0]}: nothing to compare ({partial})")
    if partial:
        material = replace(material, absent={**material.absent, "headline": partial})
    finished = [m for m, ok in zip(models, fine, strict=True) if ok]
    error, exactness, share = _parts(finished, task)
    also = experiment.also_read
    seen = [_found(m, task, also) if ok else {} for m, ok in zip(models, fine, strict=True)]
    final = [last_row(run) for run in runs]
    alone = independent_places(experiment.seeds)
    counted = [ok and place in alone for place, ok in enumerate(fine)]
    accuracy = [row["held_out_accuracy"] for row in final]
    cell = Cell(
        task=names[0],
        architecture=names[1],
        unit=task.unit,
        exactness=exactness,
        parameters=sum(p.numel() for p in models[0].parameters()),
        seeds=tuple(str(run.seed) for run in runs),
        compared=material.names,
        status=tuple(run.status for run in runs),
        solved=sum(ok and a >= solved_at for ok, a in zip(fine, accuracy, strict=True)),
        solved_at=solved_at,
        held_out_loss=_mean([row["held_out_loss"] for row in final], counted),
        held_out_accuracy=_mean(accuracy, counted).clipped(0.0, 1.0),
        seconds=sum(run.seconds for run in runs),
        sum_error=error,
        state_share=share,
        parameter_spread=parameter_spread(finished),
        curves=tuple(_curve(run) for run in runs),
        stability=headline,
        levels=_said_of_absent(measure_levels(material, headline, found, progress), material),
        readings=readings,
        findings=over_seeds([str(run.seed) for run in runs], seen, alone),
    )
    return cell, material


def _found(model: nn.Module, task: Task, also: Sequence[str]) -> dict[str, Finding]:
    """What each reader finds, by its title."""
    return {finding.title: finding for finding in read_all(model, task, also)}


def _mean(values: Sequence[float], fine: Sequence[bool]) -> Interval:
    kept = torch.tensor([v for v, ok in zip(values, fine, strict=True) if ok], dtype=torch.float64)
    if not len(kept) or not bool(kept.isfinite().all()):
        return undefined(float("nan"), "no seed finished with a finite value")
    return mean_interval(kept)


def _curve(run: Run) -> Curve:
    columns = run.metrics.to_pydict()
    names = ("step", "train_loss", "held_out_loss", "held_out_accuracy")
    return Curve(str(run.seed), *(tuple(columns[n]) for n in names))


def _read(model: nn.Module, task: Task) -> Reading | None:
    """The group reading of tokens or of logits; None where the task is no group's."""
    if task.group is None:
        return None
    matrices: Callable[[], Tensor] | None = getattr(model, "matrices", None)
    with torch.no_grad():
        if matrices is not None:
            return read_group(matrices().to(torch.complex128), task.group)
        order = task.group.order
        pairs = torch.cartesian_prod(torch.arange(order), torch.arange(order))
        return read_logits(model(pairs).reshape(order, order, order).double(), task.group)


def _label(model: nn.Module, reading: Reading | None, seed: Seed) -> str | None:
    """What the solution calls itself. Two that could not be read do not tell the same story."""
    if reading is not None:
        return reading.label if reading.label != "none" else f"{UNREAD}{seed}"
    interpretation = getattr(model, "interpretation", None)
    return None if interpretation is None else interpretation().label or None


def _said_of_absent(levels: tuple[Level, ...], material: Material) -> tuple[Level, ...]:
    """The levels, the first of which says what there was no material for."""
    named = {level.name for level in levels}
    said = tuple(f"{what}: {why}" for what, why in material.absent.items() if what not in named)
    if not levels or not said:
        return levels
    return (replace(levels[0], skipped=(*levels[0].skipped, *said)), *levels[1:])


def _parts(models: Sequence[nn.Module], task: Task) -> tuple[float | None, str, float | None]:
    """Worst error of the sum of parts over seeds, the promise, how much its state matters."""
    if not models or not hasattr(models[0], "decompose"):
        return None, "not offered", None
    inputs, errors, shares, exactness = task.sample, [], [], ""
    with torch.no_grad():
        for model in models:
            parts = model.decompose(inputs)  # pyright: ignore[reportCallIssue]
            errors.append(parts.relative_error(model(inputs)))
            if parts.state and len(inputs) > 1:
                shares.append(state_share(model, inputs, parts.state))
            exactness = str(parts.exactness)
    return max(errors), exactness, sum(shares) / len(shares) if shares else None
