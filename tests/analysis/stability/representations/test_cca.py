"""Canonical correlations: scipy's angles, no invertible map seen, refused where saturated."""

import math

import pytest
import torch
from scipy.linalg import subspace_angles

from analysis.stability.representations.cca import mean_cca, pwcca, svcca


def normal(*shape: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_equals_the_cosines_of_principal_angles(generator: torch.Generator) -> None:
    x = [normal(60, p, generator=generator) for p in (3, 5)]
    angles = subspace_angles(*((each - each.mean(0)).numpy() for each in x))
    expected = sum(math.cos(angle) for angle in angles) / 3
    assert float(mean_cca(x)[0, 1]) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("measure", [mean_cca, pwcca])
def test_no_invertible_map_is_seen(measure, generator: torch.Generator) -> None:
    x = normal(60, 5, generator=generator)
    moved = x @ normal(5, 5, generator=generator) + 3
    assert float(measure([x, moved])[0, 1]) == pytest.approx(1.0, abs=1e-10)


def test_svcca_leaves_small_components_out(generator: torch.Generator) -> None:
    shared = normal(200, 4, generator=generator)
    x = [torch.cat([shared, 1e-3 * normal(200, 4, generator=generator)], 1) for _ in range(2)]
    assert float(svcca(x)[0, 1]) == pytest.approx(1.0, abs=1e-4)
    assert float(mean_cca(x)[0, 1]) < 0.7
    torch.testing.assert_close(svcca(x, variance=1.0), mean_cca(x))
    assert float(pwcca(x)[0, 1]) > float(mean_cca(x)[0, 1])


def test_dead_features_add_no_correlation(generator: torch.Generator) -> None:
    x = normal(2, 60, 4, generator=generator)
    dead = torch.cat([x, torch.zeros(2, 60, 3, dtype=torch.float64)], 2)
    torch.testing.assert_close(mean_cca(dead), mean_cca(x))


@pytest.mark.parametrize("measure", [mean_cca, svcca, pwcca])
def test_too_few_inputs_are_refused(measure, generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="more than 21 inputs for 20 features"):
        measure(normal(2, 21, 20, generator=generator))
    measure(normal(2, 22, 20, generator=generator))


@pytest.mark.parametrize("measure", [mean_cca, svcca, pwcca])
def test_a_constant_seed_is_nan(measure, generator: torch.Generator) -> None:
    x = normal(3, 30, 4, generator=generator)
    x[1] = 0.1
    found = measure(x)
    assert bool(found[1].isnan().all())
    assert bool(found[0, [0, 2]].isfinite().all())


def test_a_share_of_variance_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"share in \(0, 1\], got 0"):
        svcca(torch.randn(2, 9, 2), variance=0.0)
