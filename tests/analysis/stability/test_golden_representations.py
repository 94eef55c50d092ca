"""Golden numbers of representations: what noise looks like to each measure, and what the same does.

Simulations that anyone can repeat: independent Gaussians, n = 100 inputs.
"""

import pytest
import torch

from analysis.stability.representations.cka import cka
from analysis.stability.representations.procrustes import (
    procrustes_distance,
    procrustes_similarity,
)


def mean_of_pairs(matrix: torch.Tensor) -> float:
    return float(matrix[torch.triu_indices(*matrix.shape, 1).unbind()].mean())


@pytest.mark.parametrize(
    ("features", "biased"), [(10, 0.0909), (100, 0.500), (1000, 0.909), (10_000, 0.990)]
)
def test_biased_cka_of_noise_is_p_over_n_plus_p_and_the_debiased_none(
    features: int, biased: float, generator: torch.Generator
) -> None:
    noise = torch.randn(20 if features < 10_000 else 6, 100, features, generator=generator)
    assert biased == pytest.approx(features / (100 + features), abs=1e-3)
    assert mean_of_pairs(cka(noise, debiased=False)) == pytest.approx(biased, abs=0.01)
    assert mean_of_pairs(cka(noise)) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(("features", "norm"), [(10, 0.257), (100, 0.749), (1000, 0.975)])
def test_nuclear_norm_of_noise(features: int, norm: float, generator: torch.Generator) -> None:
    seeds = 20 if features < 1000 else 6
    noise = torch.randn(seeds, 100, features, generator=generator, dtype=torch.float64)
    assert mean_of_pairs(procrustes_similarity(noise)) == pytest.approx(norm, abs=0.01)


def test_a_rotation_and_a_shift_are_nothing(generator: torch.Generator) -> None:
    x = torch.randn(100, 20, generator=generator, dtype=torch.float64)
    rotation = torch.linalg.qr(torch.randn(20, 20, generator=generator, dtype=torch.float64)).Q
    moved = x @ rotation + torch.randn(20, generator=generator, dtype=torch.float64)
    both = torch.stack([x, moved])
    for debiased in (True, False):
        assert float(cka(both, debiased=debiased)[0, 1]) == pytest.approx(1.0, abs=1e-12)
    assert float(procrustes_distance(both)[0, 1]) == pytest.approx(0.0, abs=1e-7)
