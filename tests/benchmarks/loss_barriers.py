"""Distances and loss barriers between the finished seeds of an experiment, raw and aligned.

Run from the repository's root, once the seeds are trained:
python tests/benchmarks/loss_barriers.py CONFIG ROOT
"""

import sys
import time
from pathlib import Path

import torch

from analysis.stability.levels.weights import measure_weights
from analysis.stability.material import Material
from analysis.stability.weights.evaluation import evaluation
from interpretable_arch.symmetry import weights
from training.data import build_task
from training.experiment import Experiment
from training.fit import seed_model
from training.runs import find_runs, run_model


def main(config: str, root: str) -> None:
    experiment = Experiment.from_yaml(config)
    task = build_task(experiment.task.class_path, experiment.task.init_args)
    runs = find_runs(Path(root), experiment)
    kept = [seed for seed in experiment.seeds if seed in runs]
    models = [run_model(runs[seed], task) for seed in kept]
    fresh = [seed_model(experiment, seed, task) for seed in kept]
    symmetries = tuple(m.symmetry() for m in models)
    names = tuple(str(seed) for seed in kept)
    material = Material(
        names=names,
        diverged=tuple(runs[seed].status != "finished" for seed in kept),
        parameters=tuple(weights(m) for m in models),
        symmetries=symmetries,
        untrained=Material(
            names=names, parameters=tuple(weights(m) for m in fresh), symmetries=symmetries
        ),
        evaluation=evaluation(models[0], task.probe.inputs, task.probe.targets),
    )
    start = time.perf_counter()
    level = measure_weights(material)
    assert level is not None
    print(f"{experiment.name}: {len(models)} seeds, {time.perf_counter() - start:.1f} s")
    for measure in level.measures:
        nulls = "; ".join(f"{r.name} {r.null.estimate:.4f}" for r in measure.rungs)
        print(f"  {measure.name}: {measure.raw} ({nulls})")
    for figure in level.figures:
        print(f"  {figure.name}: {figure.value} {figure.unit}")
    for sentence in (*level.statements, *level.skipped):
        print(f"  {sentence}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:3])
