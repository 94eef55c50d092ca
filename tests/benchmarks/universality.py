"""What architectures share beyond what their own seeds share, on the runs of a comparison.

    python tests/benchmarks/universality.py CONFIG ROOT

Runs that lie under ROOT are used, what is missing is trained. For each task, the levels of
universality and of interpretations are printed, with the seconds that each took.
"""

import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

from analysis.run_material import run_material
from analysis.stability.joined import joined
from analysis.stability.level import Measurer
from analysis.stability.levels.interpretations import measure_interpretations
from analysis.stability.levels.universality import measure_universality
from analysis.stability.material import Material
from training.data import build_task
from training.experiment import Comparison, Experiment
from training.fit import fit
from training.runs import run_model
from training.shuffled_runs import ShuffledRuns


def material(experiment: Experiment, root: str) -> Material:
    """The seeds of one architecture, with their untrained nulls."""
    task = build_task(experiment.task.class_path, experiment.task.init_args)
    runs = fit(experiment, root, progress=False)
    models = [run_model(run, task) for run in runs]
    none = ShuffledRuns((), "not trained for this benchmark")
    return run_material(experiment, runs, models, [None] * len(runs), none, task)


def show(measurer: Measurer, given: Material) -> None:
    started = time.monotonic()
    level = measurer(given)
    if level is None:
        return
    print(f"\n{level.name}, {time.monotonic() - started:.1f} s")
    for line in (*level.statements, *(f"not measured: {reason}" for reason in level.skipped)):
        print(f"  {line}")
    for figure in level.figures:
        print(f"  {figure.name}: {figure.value}")


def main(config: str, root: str) -> None:
    tasks: dict[str, dict[str, Material]] = {}
    for task, architecture, experiment in Comparison.from_yaml(config).experiments():
        tasks.setdefault(task, {})[architecture] = material(experiment, root)
    for task, materials in tasks.items():
        print(f"\n{task}")
        for architecture, each in materials.items():
            print(f"\n{architecture}")
            show(measure_interpretations, each)
        show(measure_universality, joined(materials))


if __name__ == "__main__":
    main(*sys.argv[1:])
