"""Debiased CKA of all pairs of seeds: one matrix product against a loop over pairs.

Run from the repository's root: python tests/benchmarks/bench_cka.py
"""

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from analysis.stability.representations.cka import cka

SIZES = ((50, 500, 128), (50, 1000, 512))


def hsic(a: Tensor, b: Tensor) -> Tensor:
    """Unbiased HSIC of two Grams with zero diagonals, term by term as it is written down."""
    m = len(a)
    ends = a.sum() * b.sum() / ((m - 1) * (m - 2))
    return ((a * b).sum() + ends - 2 * a.sum(0) @ b.sum(1) / (m - 2)) / (m * (m - 3))


def loop_over_pairs(x: Tensor) -> Tensor:
    """The same numbers, both Grams of a pair worked out where the pair is met."""
    seeds = len(x)
    found = torch.ones(seeds, seeds, dtype=x.dtype)
    for i in range(seeds):
        for j in range(i + 1, seeds):
            a, b = (each @ each.T for each in (x[i], x[j]))
            a.fill_diagonal_(0)
            b.fill_diagonal_(0)
            found[i, j] = found[j, i] = hsic(a, b) / (hsic(a, a) * hsic(b, b)).sqrt()
    return found


def seconds(compute: Callable[[], Tensor], repeats: int = 3) -> float:
    """The fastest of a few runs."""
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        compute()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    for seeds, inputs, features in SIZES:
        x = torch.randn(seeds, inputs, features, generator=generator)
        gap = float((cka(x) - loop_over_pairs(x)).abs().max())
        once, looped = seconds(lambda x=x: cka(x)), seconds(lambda x=x: loop_over_pairs(x), 1)
        size = f"K={seeds} n={inputs} p={features}"
        print(f"{size}: {once:.2f} s, loop {looped:.2f} s ({looped / once:.0f}x), gap {gap:.1e}")


if __name__ == "__main__":
    main()
