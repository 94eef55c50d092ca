"""`study FOLDER`: how much the runs in a folder differ, whoever trained them.

This project's own runs are taken with their experiment; foreign weights become models where the
configuration that built them is given; everything else is compared as what it is.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from analysis.report.stability_page import write_stability_page
from analysis.stability.collect import collect
from analysis.stability.foreign import load_folder
from analysis.stability.levels.every_level import Found, unheard
from analysis.stability.material import Material
from analysis.stability.reporting import StabilityReport, report_on
from training.atomic import write_file
from training.data import build_task
from training.data.task import Task
from training.experiment import Experiment
from training.fit import seed_model
from training.runs import load_run


def own_experiment(folder: Path) -> tuple[Experiment, Path]:
    """The experiment whose runs lie in the folder, with the seeds that are there, and its root.

    Raises ValueError where the runs are of several experiments.
    """
    homes = sorted({config.parent.parent for config in folder.rglob("seed-*/config.json")})
    if len(homes) != 1:
        raise ValueError(
            f"{folder}: wanted the runs of one experiment, got those of {len(homes)}:"
            f" {', '.join(home.name for home in homes[:6])}"
        )
    runs = [load_run(place.parent) for place in sorted(homes[0].glob("seed-*/config.json"))]
    seeds = tuple(sorted(run.seed for run in runs))
    # A study of what is there trains nothing, not even a null.
    return replace(runs[0].experiment, seeds=seeds, shuffled_seeds=0), homes[0].parent


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
    task's probe and compared modulo their symmetry. Raises ValueError for a folder that holds
    nothing to compare, for a run given twice, and for weights that do not fit the model.
    """
    material = load_folder(folder, allow_duplicates=allow_duplicates)
    if of is not None:
        material = _with_models(material, of)
    return report_on(
        replace(material, threshold=threshold), name=name or folder.resolve().name, found=found
    )


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
