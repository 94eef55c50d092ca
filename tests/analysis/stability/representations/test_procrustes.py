"""Procrustes: a metric up to rotations; matching of features scored on inputs it has not seen."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.stability.representations.chance import permuted_rows
from analysis.stability.representations.given import unit_size
from analysis.stability.representations.procrustes import (
    permutation_procrustes,
    permutation_procrustes_in_sample,
    procrustes_distance,
    procrustes_similarity,
)


def normal(*shape: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.integers(2, 12), st.tuples(*[st.integers(1, 15)] * 3))
def test_a_metric_whatever_the_widths(seed: int, inputs: int, widths: tuple[int, ...]) -> None:
    draws = torch.Generator().manual_seed(seed)
    shared = normal(inputs, 1, generator=draws)
    x = [normal(inputs, p, generator=draws) + shared for p in widths]
    d = procrustes_distance(x)
    assert torch.equal(d, d.T)
    assert bool((d.diagonal() == 0).all())
    for a, b, c in itertools.permutations(range(3)):
        assert float(d[a, c]) <= float(d[a, b] + d[b, c]) + 1e-7


def test_no_rotation_does_better_than_the_nuclear_norm(generator: torch.Generator) -> None:
    x, y = (unit_size(normal(30, 5, generator=generator)) for _ in range(2))
    found = float(procrustes_distance([x, y])[0, 1])
    u, _, vh = torch.linalg.svd(y.T @ x)
    assert float((x - y @ u @ vh).norm()) == pytest.approx(found)
    for _ in range(50):
        other = torch.linalg.qr(normal(5, 5, generator=generator)).Q
        assert float((x - y @ other).norm()) >= found


def test_hand_computed() -> None:
    # One feature each, centred and of length 1: the cosine's size is all there is.
    x = torch.tensor([[1.0], [-1.0], [0.0]], dtype=torch.float64)
    y = torch.tensor([[0.0], [-1.0], [1.0]], dtype=torch.float64)
    assert float(procrustes_similarity([x, y])[0, 1]) == pytest.approx(0.5)
    assert float(procrustes_distance([x, -y])[0, 1]) == pytest.approx(1.0)
    assert float(permutation_procrustes_in_sample([x, -y])[0, 1]) == pytest.approx(-0.5)


def test_renamed_features_are_found_again_turned_ones_are_not(generator: torch.Generator) -> None:
    x = normal(400, 12, generator=generator)
    renamed = 2 * x[:, torch.randperm(12, generator=generator)] + 1
    turned = x @ torch.linalg.qr(normal(12, 12, generator=generator)).Q
    found = permutation_procrustes([x, renamed, turned])
    assert float(found[0, 1]) == pytest.approx(1.0)
    assert float(found[0, 2]) < 0.7
    assert float(procrustes_similarity([x, turned])[0, 1]) == pytest.approx(1.0)


def test_the_best_of_all_renamings(generator: torch.Generator) -> None:
    x, y = (unit_size(normal(9, 5, generator=generator)) for _ in range(2))
    best = max(float((x * y[:, list(p)]).sum()) for p in itertools.permutations(range(5)))
    assert float(permutation_procrustes_in_sample([x, y])[0, 1]) == pytest.approx(best)


def test_matching_fits_noise_and_unseen_inputs_show_it(generator: torch.Generator) -> None:
    noise = normal(8, 60, 40, generator=generator)
    pairs = torch.triu_indices(8, 8, 1).unbind()
    assert float(permutation_procrustes_in_sample(noise)[pairs].mean()) > 0.2
    assert float(permutation_procrustes(noise)[pairs].mean()) == pytest.approx(0.0, abs=0.02)
    shuffled = permutation_procrustes(permuted_rows(noise[:1].expand(8, -1, -1), generator))
    assert float(shuffled[pairs].mean()) == pytest.approx(0.0, abs=0.02)


def test_a_feature_without_partner_counts_nothing(generator: torch.Generator) -> None:
    x = normal(500, 4, generator=generator)
    # Half of the square sum is the other's, so the matched product is 1/sqrt 2.
    wider = torch.cat([x, normal(500, 4, generator=generator)], 1)
    assert float(permutation_procrustes([x, wider])[0, 1]) == pytest.approx(0.5**0.5, abs=0.03)


def test_a_constant_seed_is_nan_alone(generator: torch.Generator) -> None:
    for features in (4, 40):
        x = normal(3, 20, features, generator=generator)
        x[1] = 2.0
        for found in (procrustes_distance(x), permutation_procrustes(x)):
            assert bool(found[1].isnan().all())
            assert bool(found[0, [0, 2]].isfinite().all())


def test_four_inputs_at_least() -> None:
    with pytest.raises(ValueError, match="at least 4 inputs, got 3"):
        permutation_procrustes(torch.randn(2, 3, 2))


def test_inputs_that_repeat_are_not_on_both_sides(generator: torch.Generator) -> None:
    """Twenty distinct inputs, fifty times each: noise, once fitted, would be scored on itself."""
    which = torch.randint(0, 60, (1000,), generator=generator)
    noise = [torch.randn(60, 24, generator=generator)[which] for _ in range(6)]
    pairs = torch.triu_indices(6, 6, 1).unbind()
    assert float(permutation_procrustes(noise)[pairs].mean()) == pytest.approx(0.0, abs=0.05)
    with pytest.raises(ValueError, match="at least 4 inputs, got 3"):
        permutation_procrustes([noise[0][:3].repeat(9, 1)] * 2)
