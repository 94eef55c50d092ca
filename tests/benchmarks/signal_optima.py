"""The best three poles for random signals of eight, checked in two ways, and what descent finds.

For each draw, eight poles even on the disc of radius .9 with complex normal residues: the error of
the closed form over s_4, less 1, (a) from 300 samples and (b) from the Gramians of the infinite
operator of signal less approximation, where nothing is cut off; the modulus of the error on the
circle; how many zeros the Schmidt vector has inside; the errors of other methods with three poles.

Then, for one signal of radius .8, the Hankel norm itself is minimised by BFGS from random starts:
the same quantity that the closed form minimises, by descent.

    python tests/benchmarks/signal_optima.py [--draws 50] [--starts 20] [--json FILE]
"""

import argparse
import json
import math
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import optimize

from analysis.reading.signals.rivals import RIVALS
from interpretable_arch.maths.signals.adamyan_arov_krein import best_approximation, error_on_circle
from interpretable_arch.maths.signals.hankel_operator import (
    Signal,
    error_norm,
    gramian_norm,
    hankel,
    pole_sum,
)
from training.data.signals import Signal as Planted
from training.data.signals import signals

POLES, KEPT = 8, 3


def drawn(seed: int, radius: float = 0.9, samples: int = 300) -> tuple[Signal, Planted]:
    train = signals(POLES, radius, samples, signal_seed=seed).train
    assert isinstance(train, Planted)
    return torch.view_as_complex(train.targets), train


def one_draw(seed: int) -> dict[str, Any]:
    h, planted = drawn(seed)
    found = best_approximation(h, KEPT)
    least = float(gramian_norm(planted.poles, planted.residues)[KEPT])
    both = torch.cat([planted.poles, found.poles]), torch.cat([planted.residues, -found.residues])
    inside = {}
    for name, method in RIVALS.items():
        poles, residues = method(h, KEPT)
        stable = bool((poles.abs() < 1).all())
        inside[name] = error_norm(h, poles, residues) / least if stable else math.inf
    modulus = error_on_circle(found.u, found.v).abs()
    return {
        "samples": error_norm(h, found.poles, found.residues) / found.error - 1,
        "gramians": float(gramian_norm(*both)[0]) / least - 1,
        "singular value": found.error / least - 1,
        "all-pass": float((modulus - 1).abs().max()),
        "winding": found.winding,
        "gap": 1 - least / float(found.values[KEPT - 1]),
        "radius": float(found.poles.abs().max()),
        "rivals": inside,
    }


def descended(h: Signal, radius: float, seed: int) -> float:
    """The Hankel error over s_4 that BFGS ends at, from poles even on the disc."""
    draw = np.random.default_rng(seed)
    radii, angles = radius * np.sqrt(draw.random(KEPT)), 2 * np.pi * draw.random(KEPT)
    poles = np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1)
    start = np.concatenate([poles, draw.standard_normal((KEPT, 2))]).ravel()
    number = torch.arange(len(h))

    def value(x: np.ndarray) -> tuple[float, np.ndarray]:
        leaf = torch.from_numpy(x.reshape(2 * KEPT, 2)).requires_grad_()
        pairs = torch.view_as_complex(leaf)
        # Outside the circle the powers grow without bound: a wall keeps poles inside.
        wall = (pairs[:KEPT].abs() - 0.98).clamp_min(0).square().sum() * 1e4
        norm = torch.linalg.svdvals(hankel(h - pole_sum(pairs[:KEPT], pairs[KEPT:], number)))[0]
        (norm + wall).backward()
        assert leaf.grad is not None
        return float((norm + wall).detach()), leaf.grad.numpy().ravel()

    end = optimize.minimize(value, start, jac=True, method="BFGS", options={"maxiter": 300})
    return float(end.fun) / best_approximation(h, KEPT).error


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    began = time.process_time()
    rows = [one_draw(seed) for seed in range(arguments.draws)]
    worst = {
        name: max(abs(row[name]) for row in rows)
        for name in ("samples", "gramians", "singular value", "all-pass", "radius")
    }
    print(f"{len(rows)} draws, largest: {worst}")
    windings = Counter(r["winding"] for r in rows)
    print(f"least gap {min(r['gap'] for r in rows):.3g}, windings {windings}")
    rivals = {n: sorted(r["rivals"][n] for r in rows) for n in RIVALS}
    table = {n: [v[0], v[len(v) // 2], v[-1]] for n, v in rivals.items()}
    for name, (least, median, most) in table.items():
        print(f"{name}: over s_4, least {least:.4f}, median {median:.4f}, most {most:.4f}")
    h, _ = drawn(0, 0.8, 120)
    ends = sorted(descended(h, 0.8, seed) for seed in range(arguments.starts))
    print("descent of the Hankel norm, over s_4:", " ".join(f"{e:.4f}" for e in ends))
    spent = time.process_time() - began
    print(f"within 1e-3 of s_4: {sum(e < 1.001 for e in ends)} of {len(ends)}; {spent:.0f} CPU-s")
    if arguments.json:
        found = {"worst": worst, "rivals": table, "descent": ends, "seconds": spent, "draws": rows}
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
