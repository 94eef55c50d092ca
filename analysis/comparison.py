"""Several architectures on the same tasks and seeds: fit, read, measure, and one frozen result.

A study is a comparison with one architecture on one task. The result is written as JSON and as a
page; runs that are on disk already are neither trained nor touched again.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from analysis.cell import Cell, measure
from analysis.partial import partial_answer
from analysis.reading.findings import check_readers
from analysis.reading.groups.representation import GroupReading
from analysis.report.page import write_page
from analysis.stability.joined import joined
from analysis.stability.level import Level
from analysis.stability.levels.every_level import measured
from analysis.stability.levels.universality import measure_universality
from analysis.stability.material import Material
from analysis.stability.plain import plain
from training.atomic import write_file
from training.data import build_task
from training.experiment import Architecture, Comparison, Experiment
from training.fit import Logger, check_requirement, fit
from training.runs import current_versions
from training.shuffled_runs import fit_shuffled

Say = Callable[[str], None]


@dataclass(frozen=True)
class Across:
    """What the architectures of one task have in common, beyond chance and beyond two seeds.

    `names` and `architectures` are of the models that the level numbers, one a model.
    """

    task: str
    names: tuple[str, ...]
    architectures: tuple[str, ...]
    level: Level

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**vars(self), "level": self.level.to_mapping()}


@dataclass(frozen=True)
class Result:
    """All cells of a comparison; `config` is the whole YAML that asked for it.

    `across` holds, for each task with several architectures, what these share.
    """

    name: str
    description: str
    unit: str
    config: str
    cells: tuple[Cell, ...]
    across: tuple[Across, ...]
    versions: Mapping[str, Any]
    seconds: float

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON: numbers that are not finite become null."""
        cells = [cell.to_mapping() for cell in self.cells]
        across = [each.to_mapping() for each in self.across]
        return plain(
            {**vars(self), "cells": cells, "across": across, "versions": dict(self.versions)}
        )


def compare(
    comparison: Comparison,
    root: Path | str,
    *,
    progress: bool = True,
    logger: Logger | None = None,
    say: Say = lambda _: None,
) -> Result:
    """Train what is missing of every pair of task and architecture, then measure them all."""
    return _result(comparison, comparison.experiments(), root, progress, logger, say)


def study(
    experiment: Experiment,
    root: Path | str,
    *,
    progress: bool = True,
    logger: Logger | None = None,
    say: Say = lambda _: None,
) -> Result:
    """Many seeds of one experiment: a comparison with one cell."""
    e = experiment
    architecture = Architecture(e.model, e.trainer, e.optimizer, e.require, e.loss, e.combine)
    names = experiment.task.class_path, experiment.model.class_path
    alone = Comparison(
        name=experiment.name,
        description=f"{names[1]} on {names[0]}, {len(experiment.seeds)} seeds",
        seeds=experiment.seeds,
        tasks={names[0]: experiment.task},
        architectures={names[1]: architecture},
        also_read=experiment.also_read,
        shuffled_seeds=experiment.shuffled_seeds,
        solved_at=experiment.solved_at,
        class_threshold=experiment.class_threshold,
        stress=experiment.stress,
    )
    return _result(alone, [(*names, experiment)], root, progress, logger, say)


def _result(
    comparison: Comparison,
    experiments: Sequence[tuple[str, str, Experiment]],
    root: Path | str,
    progress: bool,
    logger: Logger | None,
    say: Say,
) -> Result:
    started, cells, units = time.monotonic(), [], set()
    materials: dict[str, dict[str, Material]] = {}
    for _, _, experiment in experiments:
        check_requirement(experiment)
        check_readers(experiment.also_read)
    for task_name, architecture, experiment in experiments:
        say(f"{task_name} · {architecture}: {counted(len(experiment.seeds), 'seed')}")
        task = build_task(experiment.task.class_path, experiment.task.init_args)
        stress = experiment.stress
        early = partial_answer(experiment, task, comparison.class_threshold, say)
        runs = fit(experiment, root, progress=progress, logger=logger, finished=early)
        units.add(task.unit)
        cell, material = measure(
            (task_name, architecture),
            experiment,
            runs,
            task,
            solved_at=comparison.solved_at,
            threshold=comparison.class_threshold,
            shuffled=fit_shuffled(experiment, root, progress=progress),
            stress=None if stress is None else build_task(stress.class_path, stress.init_args),
            found=lambda level, seconds: say(_heard(level, seconds)),
            progress=progress,
        )
        cells.append(cell)
        materials.setdefault(task_name, {})[architecture] = material
        missing = [f"    not there, {what}: {why}" for what, why in material.absent.items()]
        for line in (*missing, _line(cell), *_figures(cell)):
            say(line)
    return Result(
        name=comparison.name,
        description=comparison.description,
        unit=", ".join(sorted(units)),
        config=yaml.safe_dump(comparison.to_mapping(), sort_keys=False, allow_unicode=True),
        cells=tuple(cells),
        across=_across(materials),
        versions=current_versions(),
        seconds=time.monotonic() - started,
    )


def save(result: Result, folder: Path | str) -> tuple[Path, Path]:
    """Write <folder>/<name>.json and .html, each whole or not at all; returns their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mapping = result.to_mapping()
    stem = folder / result.name
    text = json.dumps(mapping, indent=1, allow_nan=False, ensure_ascii=False)
    numbers = stem.with_name(stem.name + ".json")
    write_file(numbers, text.encode())
    return numbers, write_page(mapping, stem.with_name(stem.name + ".html"))


def counted(count: int, noun: str, plural: str = "s") -> str:
    """ "1 seed", "2 seeds"."""
    return f"{count} {noun}" + (plural if count != 1 else "")


def _heard(level: Level, seconds: float) -> str:
    """A level as it is measured: how long it took and the first thing it says."""
    said = (*level.statements, *level.skipped, "nothing to say")[0]
    return f"    {level.name}, {seconds:.1f} s: {said}"


def _across(materials: Mapping[str, Mapping[str, Material]]) -> tuple[Across, ...]:
    """Of each task with several architectures: do they share what each finds?"""
    found = []
    for task, by_architecture in materials.items():
        if len(by_architecture) > 1:
            try:
                both = joined(by_architecture)
            except ValueError as error:  # what was trained must not be lost for it
                found.append(Across(task, (), (), Level("universality", skipped=(str(error),))))
                continue
            level = measured("universality", measure_universality, both)
            found += [Across(task, both.names, both.architectures, level)] if level else []
    return tuple(found)


def _line(cell: Cell) -> str:
    classes, disagreement = cell.stability.by_output, cell.stability.disagreement
    classes_asked = math.isfinite(cell.held_out_accuracy.estimate) or "finished" not in cell.status
    parts = [
        f"solved {cell.solved}/{len(cell.seeds)}" if classes_asked else "",
        f"held-out loss {cell.held_out_loss}",
        f"accuracy {cell.held_out_accuracy}" if classes_asked else "",
        "" if disagreement is None else f"disagreement {disagreement.raw}",
        "" if classes is None else counted(len(classes.counts), "solution class", "es"),
        _read(cell),
        "" if cell.sum_error is None else f"sum of parts within {cell.sum_error:.1e}",
        _spread(cell),
        f"{cell.seconds:.0f} s",
    ]
    return "  " + ", ".join(p for p in parts if p)


def _spread(cell: Cell) -> str:
    spread = cell.parameter_spread
    return "" if spread is None else f"canonical parameters within {spread:.1e}"


def _figures(cell: Cell) -> list[str]:
    """One line for each figure that was found in the seeds: mean, interval, extremes."""
    lines = []
    for finding in cell.findings:
        for figure in finding.figures:
            known = [v for v in figure.values if v is not None and math.isfinite(v)]
            if known:
                spread = f"{min(known):.4g} to {max(known):.4g} in {len(known)}"
                mean = f"{figure.mean}; {spread} of {counted(len(figure.values), 'seed')}"
                lines.append(f"    {finding.title} · {figure.name}: {mean}")
    return lines


def _read(cell: Cell) -> str:
    """The worst figures over seeds of what the matrices hold; empty where none were read."""
    read = [r for r in cell.readings if isinstance(r, GroupReading)]
    if not read:
        return ""
    apart = max(m.distance for r in read for m in r.multiplicities)
    return (
        f"defect at most {max(r.defect for r in read):.1e},"
        f" |chi + 1| off the identity {max(r.off_identity for r in read):.1e},"
        f" multiplicities within {apart:.1e} of integers"
    )
