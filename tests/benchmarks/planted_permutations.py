"""Planted elements that alignment recovers, of fifty: two perceptrons and a two-layer transformer.

Run from the repository's root: python tests/benchmarks/planted_permutations.py
"""

import time
from itertools import pairwise

import torch

from analysis.stability.weights.planted import planted_recovery
from interpretable_arch.registry import build
from interpretable_arch.symmetries.dense import dense_symmetry
from interpretable_arch.symmetry import weights

NETS = ((20, 100, 100, 10), (5, 64, 64, 64, 3))
NOISES = (0.0, 0.1, 0.3)


def dense(widths: tuple[int, ...], seed: int) -> dict[str, torch.Tensor]:
    """Standard normal weights W0.. [in, out]."""
    generator = torch.Generator().manual_seed(seed)
    shapes = enumerate(pairwise(widths))
    return {f"W{i}": torch.randn(*s, generator=generator, dtype=torch.float64) for i, s in shapes}


def transformer(seed: int):
    torch.manual_seed(seed)
    sizes = {"d_model": 32, "layers": 2, "heads": 4, "std": 0.2}
    return build("transformer", sizes, {"vocab": 40, "context": 16}).double()


def main() -> None:
    torch.set_num_threads(1)
    cases = []
    for widths in NETS:
        names = [f"W{i}" for i in range(len(widths) - 1)]
        symmetry = dense_symmetry(dense(widths, 0), names)
        cases.append((str(widths), symmetry, lambda seed, widths=widths: dense(widths, seed)))
    symmetry = transformer(0).symmetry()
    cases.append(("transformer", symmetry, lambda seed: weights(transformer(seed))))
    for name, symmetry, make in cases:
        for noise in NOISES:
            start = time.perf_counter()
            score = planted_recovery(symmetry, make, trials=50, noise=noise)
            seconds = time.perf_counter() - start
            print(f"{name}, noise {noise}: {50 * score.estimate:.0f}/50, {seconds:.1f} s")


if __name__ == "__main__":
    main()
