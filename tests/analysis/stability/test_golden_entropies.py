"""The golden numbers of entropies, each as it is stated, in one place."""

import math

import pytest
import torch
from scipy.special import digamma, gammaln
from scipy.stats import entropy as scipy_entropy

from analysis.stability.entropies import entropy
from analysis.stability.entropies.bounds import entropy_at_most
from analysis.stability.entropies.differential import kozachenko_leonenko
from analysis.stability.entropies.similarity_sensitive import leinster_cobbold, vendi
from analysis.stability.entropies.solutions import solutions
from analysis.stability.estimates.intervals import clopper_pearson

ORDERS = (0.0, 0.3, 1.0, 1.7, 2.0, 5.0, math.inf)


def of_counts(*counts: int):
    return solutions([n for n, count in enumerate(counts) for _ in range(count)], basis="label")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("measure", [vendi, leinster_cobbold])
def test_orthonormal_is_n_and_identical_is_one(measure, order: float) -> None:
    for n in (1, 2, 7, 50):
        assert measure(torch.eye(n, dtype=torch.float64), order=order) == pytest.approx(n, rel=1e-9)
        ones = torch.ones(n, n, dtype=torch.float64)
        assert measure(ones, order=order) == pytest.approx(1.0, rel=1e-9)


def test_bias_of_four_estimators_uniform_over_eight_classes(generator: torch.Generator) -> None:
    """12,000 draws: standard error .001."""
    draws = torch.randint(8, (12000, 20), generator=generator)
    sums: dict[str, float] = {}
    for row in (
        torch.nn.functional.one_hot(draws, 8).sum(1).sort(dim=1, descending=True)[0].tolist()
    ):
        counts = torch.tensor([c for c in row if c])
        for name in ("plug_in", "miller_madow", "chao_shen", "chao_wang_jost"):
            sums[name] = sums.get(name, 0.0) + getattr(entropy, name)(counts)
    bias = {name: total / 12000 - math.log(8) for name, total in sums.items()}
    assert bias["plug_in"] == pytest.approx(-0.20, abs=0.008)
    assert bias["miller_madow"] == pytest.approx(-0.03, abs=0.008)
    assert bias["chao_shen"] == pytest.approx(-0.01, abs=0.008)
    assert bias["chao_wang_jost"] == pytest.approx(0.01, abs=0.008)


def test_s5_by_fifty_perceptrons() -> None:
    counts = (20, 8, 6, 5, 5, 2, 2, 1, 1)
    found = of_counts(*counts)
    assert found.shannon is not None
    assert round(found.shannon.plug_in.estimate, 3) == 2.581
    assert found.shannon.plug_in.estimate == pytest.approx(scipy_entropy(counts, base=2))
    assert round(found.shannon.miller_madow.estimate, 3) == 2.696
    assert round(found.collision.estimate, 3) == 0.208
    assert round(found.coverage, 2) == 0.96
    assert "coverage 0.96" in found.statement


def test_four_solutions_in_four_seeds_are_never_two_bits() -> None:
    found = of_counts(1, 1, 1, 1)
    assert "unresolved, coverage 0" in found.statement
    assert " 2 bits" not in found.statement
    assert "2.0" not in found.statement
    assert found.shannon is None


@pytest.mark.parametrize(("seeds", "share"), [(20, 0.86), (50, 0.94)])
def test_all_alike_bound_the_modal_share(seeds: int, share: float) -> None:
    assert round(clopper_pearson(seeds, seeds).low, 2) == share
    assert round(of_counts(seeds).modal_share.low, 2) == share


def test_zero_entropy_of_twenty_means_below_six_tenths_of_a_bit() -> None:
    assert round(entropy_at_most(of_counts(20).modal_share.low), 1) == 0.6


def normal_bias(d: int, draws: int, generator: torch.Generator, estimate) -> float:
    """Against each sample's own mean of -log p, which is as large on average and steadier."""
    total = 0.0
    for x in torch.randn(draws, 200, d, generator=generator, dtype=torch.float64):
        own = d / 2 * math.log(2 * math.pi) + float(x.square().sum(1).mean()) / 2
        total += (estimate(x) - own) / draws
    return total


def nearest_by_all_distances(x: torch.Tensor, k: int = 3) -> float:
    """The estimator as it is written down, without its limit on dimensions."""
    n, d = x.shape
    reach = torch.cdist(x, x).kthvalue(k + 1, 1).values
    ball = d / 2 * math.log(math.pi) - gammaln(d / 2 + 1)
    return float(digamma(n) - digamma(k) + ball + d * reach.log().mean())


@pytest.mark.parametrize(
    ("d", "golden", "slack", "measured"), [(2, -0.02, 0.03, -0.037), (10, 0.34, 0.06, 0.294)]
)
def test_differential_bias(
    d: int, golden: float, slack: float, measured: float, generator: torch.Generator
) -> None:
    """`measured` has standard errors of .002 and .004; `golden` differs from it by more."""
    found = normal_bias(d, 150, generator, kozachenko_leonenko)
    assert found == pytest.approx(golden, abs=slack)
    assert found == pytest.approx(measured, abs=0.02)


@pytest.mark.parametrize(
    ("d", "golden", "slack", "measured"), [(20, 1.7, 0.15, 1.76), (50, 8.0, 0.4, 8.26)]
)
def test_why_many_dimensions_are_refused(
    d: int, golden: float, slack: float, measured: float, generator: torch.Generator
) -> None:
    """`measured` has standard errors of .008 and .017; `golden` differs from it by more."""
    found = normal_bias(d, 40, generator, nearest_by_all_distances)
    assert found == pytest.approx(golden, abs=slack)
    assert found == pytest.approx(measured, abs=0.15)


def test_the_estimator_is_the_one_written_down(generator: torch.Generator) -> None:
    x = torch.randn(200, 10, generator=generator, dtype=torch.float64)
    assert kozachenko_leonenko(x) == pytest.approx(nearest_by_all_distances(x))
