"""Matching features: five seeds of 4,096 features in 512 dimensions, and 16,384 by blocks.

Time and peak memory of the whole process. Rows are planted with noise, as of trained dictionaries,
or random, the slowest for the assignment.

Run from the repository's root: python tests/benchmarks/bench_matching.py [exact]
("exact" also solves 16,384 x 16,384 in one piece, for what blocks lose: minutes and 4 GB.)
"""

import resource
import sys
import time

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.stability.features.assignment import assign
from analysis.stability.features.directions import of_dictionary
from analysis.stability.features.pairing import pair_all, pwmcc

D = 512


def peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB at most so far"


def sets(
    seeds: int, features: int, noise: float | None, generator: torch.Generator
) -> list[Tensor]:
    """Unit rows: random, or common ones in another order with noise of this length each."""
    common = F.normalize(torch.randn(features, D, generator=generator), dim=1)
    found = []
    for _ in range(seeds):
        drawn = torch.randn(features, D, generator=generator)
        order = torch.randperm(features, generator=generator)
        found.append(drawn if noise is None else common[order] + noise / D**0.5 * drawn)
    return [F.normalize(each, dim=1) for each in found]


def all_pairs(noise: float | None, generator: torch.Generator) -> None:
    given = sets(5, 4096, noise, generator)
    start = time.perf_counter()
    found = pwmcc(pair_all([of_dictionary(each) for each in given]), 5)
    taken = time.perf_counter() - start
    print(f"5 x 4,096 x {D}, noise {noise}: {taken:.1f} s, {peak()}, PW-MCC {found[0, 1]:.4f}")


def one_pair(noise: float | None, exact: bool, generator: torch.Generator) -> None:
    x, y = sets(2, 16_384, noise, generator)
    for most in (10_000, 20_000) if exact else (10_000,):
        start = time.perf_counter()
        found = assign(x, y, most_exact=most)
        taken = time.perf_counter() - start
        mean = float((x[found.first] * y[found.second]).sum(1).double().mean())
        how = "exact" if found.exact else "by blocks"
        print(f"16,384, noise {noise}, {how}: {taken:.1f} s, {peak()}, mean cosine {mean:.6f}")


def main() -> None:
    torch.set_num_threads(2)
    generator = torch.Generator().manual_seed(0)
    for noise in (1.0, None):
        all_pairs(noise, generator)
    for noise in (1.0, None):
        one_pair(noise, "exact" in sys.argv[1:], generator)


if __name__ == "__main__":
    main()
