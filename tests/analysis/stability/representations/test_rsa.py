"""RSA: equal to scipy's own distances and rank correlation, pair by pair."""

import pytest
import torch
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr

from analysis.stability.representations import rsa as module
from analysis.stability.representations.chance import rotated_basis
from analysis.stability.representations.rsa import rsa


def normal(*shape: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("distance", ["euclidean", "correlation"])
@pytest.mark.parametrize("comparison", ["spearman", "pearson", "cosine"])
def test_equals_scipy(distance: str, comparison: str, generator: torch.Generator) -> None:
    x = normal(3, 14, 5, generator=generator) + normal(14, 5, generator=generator)
    found = rsa(x, dissimilarity=getattr(module, distance), comparison=getattr(module, comparison))
    vectors = [torch.as_tensor(pdist(each.numpy(), distance)) for each in x]
    for i in range(3):
        for j in range(i):
            a, b = vectors[i], vectors[j]
            expected = {
                "spearman": lambda a=a, b=b: spearmanr(a, b).statistic,
                "pearson": lambda a=a, b=b: pearsonr(a, b).statistic,
                "cosine": lambda a=a, b=b: float(a @ b / (a.norm() * b.norm())),
            }[comparison]()
            assert float(found[i, j]) == pytest.approx(expected, abs=1e-10)


def test_ties_get_their_mean_rank() -> None:
    ranks = module.spearman(torch.tensor([3.0, 1.0, 3.0, 0.0], dtype=torch.float64))
    assert (ranks + 2.5).tolist() == [3.5, 2.0, 3.5, 1.0]


def test_distances_do_not_see_the_basis_correlations_do(generator: torch.Generator) -> None:
    x = normal(60, 8, generator=generator)
    moved = 5 * rotated_basis([x], generator)[0] + 3
    assert float(rsa([x, moved])[0, 1]) == pytest.approx(1.0)
    assert float(rsa([x, moved], dissimilarity=module.correlation)[0, 1]) < 0.95


def test_noise_agrees_with_nothing(generator: torch.Generator) -> None:
    found = rsa(normal(8, 100, 20, generator=generator))
    pairs = torch.triu_indices(8, 8, 1).unbind()
    assert float(found[pairs].mean()) == pytest.approx(0.0, abs=0.03)


def test_a_constant_seed_is_nan_and_mistakes_are_named(generator: torch.Generator) -> None:
    x = normal(3, 10, 4, generator=generator)
    x[1] = 0.1
    found = rsa(x)
    assert bool(found[1].isnan().all())
    assert bool(found[0, [0, 2]].isfinite().all())
    with pytest.raises(ValueError, match="at least 3 inputs, got 2"):
        rsa(x[:, :2])
    with pytest.raises(ValueError, match="three features or more to correlate, got 2"):
        rsa(x[..., :2], dissimilarity=module.correlation)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_ties_is_turned_without_being_ranked_by_rounding(
    dtype: torch.dtype, generator: torch.Generator
) -> None:
    codes = torch.eye(10, dtype=torch.float64)[torch.randint(0, 10, (150,), generator=generator)]
    turn = torch.linalg.qr(normal(10, 10, generator=generator)).Q
    found = rsa([codes.to(dtype), (codes @ turn).to(dtype)])
    assert float(found[0, 1]) == pytest.approx(1.0, abs=1e-9)
    simplex = torch.eye(12, dtype=torch.float64)
    for comparison in (module.spearman, module.pearson):
        assert bool(rsa([simplex, 3 * simplex], comparison=comparison).isnan().all())
