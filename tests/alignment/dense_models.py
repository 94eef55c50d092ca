"""Random weights of plain multilayer perceptrons, for tests."""

from itertools import pairwise

import torch

from interpretable_arch.symmetries.dense import dense_symmetry
from interpretable_arch.symmetry import Symmetry

NARROW, WIDE = (5, 64, 64, 64, 3), (20, 100, 100, 10)


def dense(widths: tuple[int, ...], seed: int, biased: bool = False) -> dict[str, torch.Tensor]:
    """Standard normal weights W0.. [in, out], and biases b0.. if asked."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for i, shape in enumerate(pairwise(widths)):
        found[f"W{i}"] = torch.randn(*shape, generator=generator, dtype=torch.float64)
        if biased:
            found[f"b{i}"] = torch.randn(shape[1], generator=generator, dtype=torch.float64)
    return found


def symmetry_of(widths: tuple[int, ...], biased: bool = False) -> Symmetry:
    layers = range(len(widths) - 1)
    biases = [f"b{i}" for i in layers] if biased else []
    return dense_symmetry(dense(widths, 0, biased), [f"W{i}" for i in layers], biases)
