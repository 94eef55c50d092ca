"""A fake but plausible result in the JSON form of `analysis.comparison.Result`."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch

from analysis.reading.groups.representation import read_group
from analysis.reading.intertwiners import direct_sum
from analysis.reading.logits import read_logits
from interpretable_arch.maths.groups.finite_groups import parse
from interpretable_arch.maths.groups.irreducibles import irreducibles

SEEDS = 20
CONFIG = """name: groups
description: One partial table of S4, three architectures.
seeds: 20
tasks:
  S4 at 15%: {class_path: groups, init_args: {group: S4, share: 0.15}}
  S4 at 80%: {class_path: groups, init_args: {group: S4, share: 0.8}}
architectures:
  group_representation:
    model: {class_path: group_representation, init_args: {complex: true}}
    optimizer: {name: adam, lr: 0.02, schedule: half}
    trainer: {max_steps: 800}
  group_mlp:
    model: {class_path: group_mlp, init_args: {hidden: 128}}
    optimizer: {name: adamw, lr: 0.001, weight_decay: 1.0}
    trainer: {max_steps: 4000}
  transformer:
    model: {class_path: transformer, init_args: {d_model: 64, layers: 2}}
    optimizer: {name: adamw, lr: 0.001}
    trainer: {max_steps: 4000, batch_size: 64}
"""


def interval(estimate, half=0.0, method="jackknife-t"):
    def plain(x):
        return x if math.isfinite(x) else None

    return {
        "estimate": plain(estimate),
        "low": plain(estimate - half),
        "high": plain(estimate + half),
        "level": 0.95,
        "method": method,
    }


def curve(random, seed, solves, diverges):
    step = np.linspace(0, 4000, 21).astype(int)
    start = 120 * random.uniform(0.7, 1.3)
    train = 3.2 * np.exp(-step / start) + 1e-5 * random.lognormal()
    late = 1 / (1 + np.exp((step - random.uniform(900, 2300)) / 180))
    held = (
        3.2 * (late + 2e-5)
        if solves
        else 3.2 + 3 * (1 - np.exp(-step / 900)) * random.uniform(0.7, 1.2)
    )
    accuracy = 1 - late if solves else 0.04 + 0 * step
    if diverges:
        held[8:] = math.nan
        train[8:] = math.inf
        accuracy[8:] = math.nan
    return {
        "seed": f"{seed}-{seed}-{seed}",
        "step": step.tolist(),
        "train_loss": train.tolist(),
        "held_out_loss": held.tolist(),
        "held_out_accuracy": accuracy.tolist(),
    }


def pair(estimate, matrix, seeds, half, null=None):
    return {
        "name": "measure",
        "unit": "1",
        "best": 0.0,
        "seeds": list(seeds),
        "matrix": matrix,
        "raw": interval(estimate, half),
        "rungs": []
        if null is None
        else [{"name": "untrained", "null": interval(null, 0.02), "above": None}],
    }


def solutions(labels, names):
    counts = sorted((labels.count(label) for label in set(labels)), reverse=True)
    total = len(labels)
    collision = sum(c * (c - 1) for c in counts) / (total * (total - 1))
    coverage = 1 - counts.count(1) / total
    entropy = -sum(c / total * math.log2(c / total) for c in counts) + 0.0
    return {
        "basis": "fake",
        "classes": labels,
        "names": names[: len(counts)],
        "counts": counts,
        "collision": interval(collision, min(0.1, 1 - collision)),
        "modal_share": {**interval(counts[0] / total, 0.0), "low": counts[0] / total * 0.86},
        "coverage": coverage,
        "resolved": coverage >= 0.5,
        "shannon": {"chao_wang_jost": interval(entropy, 0.4 * (len(counts) > 1))}
        if coverage >= 0.5
        else None,
        "at_least": entropy / 2,
        "at_most": 0.6 if len(counts) == 1 else None,
        "statement": "",
        "unit": "bits",
    }


def distances(random, labels, near, far):
    size = len(labels)
    matrix = [[0.0] * size for _ in labels]
    for a, b in itertools.combinations(range(size), 2):
        scale = near if labels[a] == labels[b] else far
        matrix[a][b] = matrix[b][a] = float(scale * random.uniform(0.6, 1.0))
    return matrix


def threshold_curve(labels, near, far):
    seeds, classes = len(labels), len(set(labels))
    merges = [(0.0, seeds)]
    merges += [(near * (0.6 + 0.4 * n / seeds), seeds - n) for n in range(1, seeds - classes + 1)]
    merges += [(far * (0.6 + 0.4 * n / seeds), classes - n) for n in range(1, classes)]
    return [
        {
            "threshold": height,
            "classes": left,
            "coverage": 1 - left / seeds,
            "collision": interval(1 / left, 0.05),
            "entropy": interval(math.log2(left), 0.2) if left < seeds / 2 else None,
            "at_least": 0.6 * math.log2(left),
        }
        for height, left in merges
    ]


def stability(random, labels, names, near, far, diverged):
    kept = [seed for seed in range(SEEDS) if seed not in diverged]
    labels = [labels[seed] for seed in kept]
    matrix = distances(random, labels, near, far)
    found = solutions(labels, names)
    mean = float(np.mean(matrix))
    return {
        "seeds": SEEDS,
        "diverged": list(diverged),
        "kept": kept,
        "threshold": 0.1,
        "disagreement": pair(min(1.0, 1.4 * mean), matrix, kept, 0.02),
        "divergence": pair(mean, matrix, kept, 0.02),
        "cka": pair(0.99 - mean, matrix, kept, 0.01, null=0.31),
        "by_output": found,
        "by_output_with_diverged": solutions(labels + [99] * len(diverged), [*names, "diverged"])
        if diverged
        else None,
        "by_interpretation": found,
        "curve": threshold_curve(labels, near, far),
    }


def group_readings(seeds):
    """Readings of noisy copies of the regular representation of S4 less the trivial one."""
    group = parse("S4")
    parts = irreducibles(group)
    exact = direct_sum(parts, [0] + [rho.dimension for rho in parts[1:]])
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(seeds):
        noise = torch.randn(exact.shape, dtype=exact.dtype, generator=generator)
        found.append(read_group(exact + 0.003 * noise, group).to_mapping())
    return found


def logit_readings(seeds):
    group = parse("S4")
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn([seeds, 24, 24, 24], generator=generator)
    return [read_logits(each, group).to_mapping() for each in logits]


def cell(task, architecture, *, solves, classes, diverged=(), near=0.03, far=0.5):
    random = np.random.default_rng(len(task) + len(architecture))
    labels = [int(random.integers(classes)) for _ in range(SEEDS)]
    names = [f"{{2, 3, 3'}}:{n}" for n in range(classes)]
    solved = SEEDS - len(diverged) if solves else 0
    curves = [curve(random, seed, solves, seed in diverged) for seed in range(SEEDS)]
    losses = [c["held_out_loss"][-1] for c in curves]
    loss = float(np.nanmean(losses))
    return {
        "task": task,
        "architecture": architecture,
        "exactness": "UNCONDITIONAL"
        if "rep" in architecture
        else "GIVEN(attention pattern, norm scale)",
        "parameters": 25392 if "rep" in architecture else 51304,
        "seeds": [f"{seed}-{seed}-{seed}" for seed in range(SEEDS)],
        "status": ["diverged" if seed in diverged else "finished" for seed in range(SEEDS)],
        "solved": solved,
        "solved_at": 1.0,
        "held_out_loss": interval(loss, 0.07 * loss),
        "held_out_accuracy": interval(1.0 if solves else 0.043, 0.0 if solves else 0.012),
        "seconds": 41.7 if "rep" in architecture else 83.0,
        "sum_error": 3.1e-7 if "rep" in architecture else 1.2e-6,
        "curves": curves,
        "stability": stability(random, labels, names, near, far, diverged),
        "readings": [None] * SEEDS,
        "findings": [],
    }


def fake_result():
    cells = [
        cell("S4 at 15%", "group_representation", solves=True, classes=1),
        cell("S4 at 15%", "group_mlp", solves=False, classes=20, near=0.05, far=0.6),
        cell("S4 at 15%", "transformer", solves=False, classes=20, diverged=(3, 11), far=0.7),
        cell("S4 at 80%", "group_representation", solves=True, classes=1),
        cell("S4 at 80%", "group_mlp", solves=True, classes=4, far=0.3),
        cell("S4 at 80%", "transformer", solves=True, classes=6, far=0.4),
    ]
    cells[0]["readings"] = cells[3]["readings"] = group_readings(SEEDS)
    cells[4]["readings"] = logit_readings(SEEDS)
    return {
        "name": "groups",
        "description": "Do seeds that learn S4 from part of its table find the same solution?",
        "unit": "nats",
        "config": CONFIG,
        "cells": cells,
        "versions": {"torch": "2.13.0", "lightning": "2.6.6", "python": "3.13.1"},
        "seconds": 301.0,
    }


@pytest.fixture(scope="session")
def whole_result():
    return fake_result()


@pytest.fixture
def result(whole_result):
    return copy.deepcopy(whole_result)
