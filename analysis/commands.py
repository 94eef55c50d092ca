"""What each command of the command line does, once its options are read."""

import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.brief import write_brief
from analysis.comparison import Result, save
from analysis.comparison import compare as run_comparison
from analysis.comparison import study as run_study
from analysis.folder_study import check_reports, own_experiment, save_report
from analysis.folder_study import study_folder as run_folder_study
from analysis.options import check_kind
from analysis.reading.card import Asked, load_edits, parse_edit, reading_card
from analysis.report.model_page import write_model_page
from analysis.report.page import check_place, write_page
from analysis.report.stability_page import write_stability_page
from analysis.stability.foreign import kind_of
from analysis.stability.level import Level
from analysis.stability.levels.every_level import unheard
from training.experiment import LARGEST_DISTANCE, Comparison, Experiment
from training.fit import fit as run_fit
from training.runs import seed_folder
from training.yaml_file import load_yaml


def fit(experiment: Experiment, options: Any) -> int:
    """Train, then say where each run lies."""
    runs = run_fit(experiment, options.root, progress=not options.quiet, logger=options.logger)
    for run in runs:
        last = run.metrics.slice(run.metrics.num_rows - 1).to_pylist()[0]
        folder = seed_folder(Path(options.root), experiment, run.seed)
        print(
            f"{folder}  {run.status}  held-out loss {last['held_out_loss']:.4g}"
            f"  accuracy {last['held_out_accuracy']:.4g}"
        )
    return 0


def study(experiment: Experiment, options: Any) -> int:
    """Train what is missing, measure, write the page."""
    check_reports(options.reports)
    progress = not options.quiet
    result = run_study(
        experiment, options.root, progress=progress, logger=options.logger, say=print
    )
    return _saved(result, options)


def study_folder(options: Any) -> int:
    """Measure the runs in a folder, ours or foreign; with `--of`, as that configuration's model."""
    folder = Path(options.config)
    check_reports(options.reports)
    if kind_of(folder) == "runs":
        return _study_own_runs(folder, options)
    if options.brief is not None:
        raise ValueError("--brief: is of runs of this project; of others the JSON holds it all")
    began = time.monotonic()

    def heard(level: Level, _: float) -> None:
        print(f"{time.monotonic() - began:.1f} s\n{level}", flush=True)

    report = run_folder_study(
        folder,
        of=None if options.of is None else _model_of(options.of),
        threshold=_threshold(options.class_threshold),
        name=options.name,
        allow_duplicates=options.allow_duplicates,
        found=unheard if options.quiet else heard,
    )
    numbers, page = save_report(report, options.reports)
    for what, reason in report.absent.items():
        print(f"not there, {what}: {reason}")
    print(f"numbers: {numbers}\npage:    {page}")
    return 0


def _threshold(text: str) -> float:
    """The number of `--class_threshold`; ValueError for what is none, or no distance."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= LARGEST_DISTANCE:
        wanted = f"wanted 0 to {LARGEST_DISTANCE:.4f}"
        raise ValueError(f"--class_threshold: {wanted}, got {text!r}")
    return value


def _model_of(path: str) -> Experiment:
    """The experiment of `--of`. Raises ValueError for the file of a comparison."""
    check_kind(load_yaml(path), path, "--of")
    return Experiment.from_yaml(path)


def _study_own_runs(folder: Path, options: Any) -> int:
    if options.of is not None:
        raise ValueError(f"--of: {folder} holds runs that know their own model; leave it out")
    experiment, options.root = own_experiment(folder)
    name = experiment.name if options.name is None else options.name
    if name != experiment.name:
        raise ValueError(f"--name: runs of this project are found by theirs, {experiment.name!r}")
    experiment = replace(experiment, class_threshold=_threshold(options.class_threshold))
    return study(experiment, options)


def compare(comparison: Comparison, options: Any) -> int:
    """Train what is missing of every pair, measure, write the page."""
    check_reports(options.reports)
    progress = not options.quiet
    result = run_comparison(
        comparison, options.root, progress=progress, logger=options.logger, say=print
    )
    return _saved(result, options)


def read(options: Any) -> int:
    """Print what one trained model says of itself, and what edits of it do."""
    if not Path(options.run).is_dir():
        raise ValueError(f"{options.run}: no such run folder (wanted .../seed-0-0-0)")
    if options.page is not None:
        check_place(Path(options.page))
    edits = [parse_edit(text.strip()) for text in options.edit.split(",") if text.strip()]
    if options.edits is not None:
        edits += load_edits(Path(options.edits))
    also = tuple(name.strip() for name in options.also.split(",") if name.strip())
    asked = Asked(options.features, tuple(edits), options.save, tuple(options.word), also)
    card = reading_card(Path(options.run), asked)
    print(card)
    if options.page is not None:
        page = write_model_page(card.title, card.lines, card.findings, card.seed, options.page)
        print(f"page: {page}")
    return 0


def report(options: Any) -> int:
    """Write the page of a result again, beside its JSON."""
    path = Path(options.result)
    try:
        mapping = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: wanted the JSON of a comparison ({error})") from error
    # What `study FOLDER` wrote has levels and no cells.
    foreign = isinstance(mapping, dict) and "levels" in mapping
    write = write_stability_page if foreign else write_page
    print(f"page: {write(mapping, path.with_suffix('.html'))}")
    return 0


def _saved(result: Result, options: Any) -> int:
    numbers, page = save(result, options.reports)
    if options.brief is not None:
        print(f"brief:   {write_brief(result.to_mapping(), options.arguments, options.brief)}")
    print(f"numbers: {numbers}\npage:    {page}\nruns:    {options.root}")
    return 0
