"""`study FOLDER`: how much the runs in a folder differ, whoever trained them.

This project's own runs are taken with their experiment; foreign weights become models where the
configuration that built them is given; everything else is compared as what it is.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryFile

import torch
from torch import Tensor, nn

from analysis.report.stability_page import write_stability_page
from analysis.stability.collect import collect
from analysis.stability.foreign import load_folder
from analysis.stability.foreign.folder import check_comparable
from analysis.stability.functional import LARGEST_DIVERGENCE
from analysis.stability.levels.every_level import Found, unheard
from analysis.stability.material import Material
from analysis.stability.reporting import StabilityReport, report_on
from training.atomic import write_file
from training.data import build_task
from training.data.task import Task
from training.experiment import Experiment, check_name
from training.fit import seed_model
from training.runs import experiment_folder, load_run, seed_folder
from training.shuffled_runs import shuffled_experiment


def own_experiment(folder: Path) -> tuple[Experiment, Path]:
    """The experiment whose runs lie in the folder, with the seeds that are there, and its root.

    The runs of its shuffled null that lie beside are used as far as they are whole. Raises
    ValueError where the runs are of several experiments, or their folder was renamed.
    """
    homes = {config.parent.parent: config.parent for config in _configs(folder)}
    first = {home: load_run(place).experiment for home, place in homes.items()}
    asked = [home for home in first if not _shuffled(first[home])] or list(first)
    if len(asked) != 1:
        raise ValueError(
            f"{folder}: wanted the runs of one experiment, got those of {len(asked)}:"
            f" {', '.join(home.name for home in asked[:6])}"
        )
    home = asked[0]
    runs = [load_run(place.parent) for place in _configs(home)]
    seeds = tuple(sorted(run.seed for run in runs))
    # A study of what is there trains nothing, not even a null.
    experiment = replace(runs[0].experiment, seeds=seeds, shuffled_seeds=0)
    wanted = experiment_folder(home.resolve().parent, experiment).name
    if home.resolve().name != wanted:
        raise ValueError(f"{home}: wanted a folder of the name {wanted}, as it was written")
    root = home.resolve().parent
    return replace(experiment, shuffled_seeds=_shuffled_there(experiment, root)), root


def _configs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("seed-*/config.json"))


def _shuffled(experiment: Experiment) -> bool:
    return experiment.task.class_path == "shuffled"


def _shuffled_there(experiment: Experiment, root: Path) -> int:
    """The most seeds of the null of which every run is on disk, so that none is trained."""
    if _shuffled(experiment) or experiment.combine is not None:
        return 0
    most = shuffled_experiment(experiment, len(experiment.seeds))
    there = [seed_folder(root, most, seed).is_dir() for seed in most.seeds]
    return sum(1 for _ in takewhile(bool, there))


def study_folder(
    folder: Path,
    *,
    of: Experiment | None = None,
    threshold: float = 0.1,
    name: str | None = None,
    allow_duplicates: bool = False,
    found: Found = unheard,
) -> StabilityReport:
    """The report on a folder of foreign runs; see `analysis.stability.foreign` for its layouts.

    With `of`, the experiment whose model the weights are of, the models are built, called on its
    task's probe and compared modulo their symmetry. Raises ValueError, before anything is measured,
    for a folder that holds nothing to compare, for a run given twice, for weights that do not fit
    the model, for a name that no file may have, and for a threshold outside [0, sqrt ln 2].
    """
    if name is not None:
        check_name("name", name)
    if not 0 <= threshold <= LARGEST_DIVERGENCE:
        raise ValueError(f"threshold: wanted 0 to {LARGEST_DIVERGENCE:.4f}, got {threshold}")
    material = load_folder(folder, allow_duplicates=allow_duplicates)
    if of is None:
        check_comparable(material, folder)
    else:
        material = _with_models(material, of)
    return report_on(
        replace(material, threshold=threshold),
        name=name or folder.resolve().name or "models",
        found=found,
    )


def check_reports(folder: Path | str) -> None:
    """ValueError unless files can be written there, so that hours are not measured for nothing."""
    wanted = Path(folder)
    place = next(p for p in (wanted, *wanted.absolute().parents) if p.exists())
    if not place.is_dir():
        raise ValueError(f"reports: {place} is a file; wanted a folder that can be written to")
    try:
        with TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise ValueError(f"reports: {place} can't be written to ({error.strerror})") from error


def save_report(report: StabilityReport, folder: Path | str) -> tuple[Path, Path]:
    """Write <folder>/<name>.json and .html, each whole or not at all; returns their paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    mapping = report.to_mapping()
    numbers, page = (folder / f"{report.name}.{ending}" for ending in ("json", "html"))
    text = json.dumps(mapping, indent=1, allow_nan=False, ensure_ascii=False)
    write_file(numbers, text.encode())
    return numbers, write_stability_page(mapping, page)


def _with_models(material: Material, experiment: Experiment) -> Material:
    """Everything that the models themselves can be asked, in the place of bare weights."""
    if not material.parameters:
        reason = material.absent.get("weights", "no safetensors lie there")
        raise ValueError(f"of: wanted weights of {experiment.model.class_path}: {reason}")
    task = build_task(experiment.task.class_path, experiment.task.init_args)
    models = _models(material, experiment, task)
    untrained = [seed_model(experiment, seed, task) for seed in experiment.seeds[: len(models)]]
    called = collect(
        models,
        task.probe.inputs,
        targets=task.probe.targets,
        names=material.names,
        diverged=material.diverged or None,
    )
    return replace(
        called,
        losses=material.losses,
        factors=material.factors,
        labels=material.labels,
        untrained=collect(untrained, task.probe.inputs, targets=task.probe.targets),
        shuffled=None
        if material.shuffled is None
        else collect(
            _models(material.shuffled, experiment, task),
            task.probe.inputs,
            targets=task.probe.targets,
        ),
    )


def _models(material: Material, experiment: Experiment, task: Task) -> list[nn.Module]:
    pairs = zip(material.names, material.parameters, strict=True)
    return [_model(name, weights, experiment, task) for name, weights in pairs]


def _model(name: str, weights: Mapping[str, Tensor], of: Experiment, task: Task) -> nn.Module:
    model = seed_model(of, of.seeds[0], task)
    try:
        with torch.no_grad():
            model.load_state_dict(dict(weights))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{name}: not weights of {of.model.class_path} ({reason})") from error
    return model.eval()
