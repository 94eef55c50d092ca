"""Golden numbers of feature matching: what chance alone scores, on dictionaries and activations."""

import pytest
import torch

from analysis.stability.features.directions import of_activations, of_dictionary
from analysis.stability.features.pairing import pair_all, pwmcc


def mean_score(sets: list) -> float:
    seeds = len(sets)
    pairs = torch.triu_indices(seeds, seeds, 1).unbind()
    return float(pwmcc(pair_all(sets), seeds)[pairs].mean())


@pytest.mark.parametrize(
    ("d", "features", "seeds", "wanted", "within"),
    # .526 is one draw: the mean of 2,000 pairs is .5165, their standard deviation .0104.
    [(16, 64, 12, 0.526, 0.0104), (64, 512, 4, 0.356, 0.003), (768, 4096, 2, 0.126, 0.003)],
)
def test_random_dictionaries(
    d: int, features: int, seeds: int, wanted: float, within: float, generator: torch.Generator
) -> None:
    sets = [of_dictionary(torch.randn(features, d, generator=generator)) for _ in range(seeds)]
    assert mean_score(sets) == pytest.approx(wanted, abs=within)


def test_the_mean_over_draws_of_the_smallest(generator: torch.Generator) -> None:
    sets = [of_dictionary(torch.randn(64, 16, generator=generator)) for _ in range(30)]
    assert mean_score(sets) == pytest.approx(0.5165, abs=0.003)


@pytest.mark.parametrize(
    ("inputs", "features", "seeds", "wanted"),
    [(100, 64, 12, 0.214), (1000, 512, 4, 0.092), (10_000, 512, 3, 0.029)],
)
def test_independent_activations_scored_where_they_were_fitted(
    inputs: int, features: int, seeds: int, wanted: float, generator: torch.Generator
) -> None:
    sets = [
        of_activations(torch.randn(inputs, features, generator=generator)) for _ in range(seeds)
    ]
    assert mean_score(sets) == pytest.approx(wanted, abs=0.003)
