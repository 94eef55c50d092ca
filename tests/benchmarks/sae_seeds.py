"""Sparse autoencoders on planted features: what seeds share at each width, beside nulls and truth.

For each width, of decoder and activations: PW-MCC, shared fraction at .7 and .9, spans, nulls;
share of the planted directions recovered (cosine of the matched row at .9 or above), intervals over
seeds, and latents that answer at fewer than one input in a thousand.
Trains what is missing under ROOT.

Run from the repository's root: python tests/benchmarks/sae_seeds.py configs/superposition.yaml ROOT
"""

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from analysis.stability.estimates.intervals import mean_interval
from analysis.stability.features.directions import of_dictionary
from analysis.stability.features.families import ACTIVATIONS, DICTIONARIES, Family
from analysis.stability.features.kinds import measure_kind
from analysis.stability.features.measures import pair_measures, subspace_measures
from analysis.stability.features.pairing import pair_all
from analysis.stability.features.shared import TAU
from training.data import build_task
from training.data.superposition import Superposition
from training.data.task import Task
from training.experiment import Comparison, Experiment
from training.fit import fit
from training.runs import run_model

RECOVERED, STRICT, RARE = 0.9, 0.9, 1e-3


def measure(experiment: Experiment, root: str) -> None:
    task = build_task(experiment.task.class_path, experiment.task.init_args)
    models: list[Any] = [run_model(run, task) for run in fit(experiment, root, progress=False)]
    rows = [model.dictionaries()["decoder"] for model in models]
    answers = [model.activations(task.probe.inputs)["latents"] for model in models]
    shown("decoder", DICTIONARIES, rows)
    shown("latents", ACTIVATIONS, answers)
    print(f"  planted directions recovered: {recovered(rows, task)}")
    rare = [int(((z > 0).double().mean(0) < RARE).sum()) for z in answers]
    print(f"  latents active at fewer than {RARE:g} of the inputs: {rare}")


def shown(name: str, family: Family, sets: Sequence[Tensor]) -> None:
    kind = measure_kind(name, family, sets, range(len(sets)), {}, signed=True, seconds=60)
    measures = list(pair_measures(kind, TAU))
    measures += [m for m in pair_measures(kind, STRICT) if m.name.startswith("shared")]
    if kind.found.directions:
        measures += subspace_measures(kind, TAU)[0]
    for found in measures:
        rungs = "; ".join(f"{r.name} {r.null}, above {r.above}" for r in found.rungs)
        print(f"  {name}, {found.name}: {found.raw}  ({rungs})")


def recovered(rows: Sequence[Tensor], task: Task) -> str:
    """Share of the planted directions matched at `RECOVERED` or above, and their mean cosine."""
    assert isinstance(task.train, Superposition)
    planted = of_dictionary(task.train.directions)
    scores = [pair_all([planted, of_dictionary(each)])[0].score.double() for each in rows]
    share = mean_interval(torch.stack([(s >= RECOVERED).double().mean() for s in scores]))
    mean = mean_interval(torch.stack([s.mean() for s in scores]))
    return f"{share.clipped(0, 1)} at {RECOVERED:g}, mean cosine {mean}"


def main(path: str, root: str) -> None:
    for _, architecture, experiment in Comparison.from_yaml(path).experiments():
        print(architecture)
        measure(experiment, root)


if __name__ == "__main__":
    main(*sys.argv[1:])
