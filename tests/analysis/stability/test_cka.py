"""Linear CKA for all pairs: invariances, golden values for noise, slow references."""

import math

import pytest
import torch

from analysis.stability.representations.cka import cka, constant_seeds


def normal(*shape: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("debiased", [True, False])
def test_a_rotation_and_a_shift_are_not_seen(debiased: bool, generator: torch.Generator) -> None:
    x = normal(100, 20, generator=generator)
    rotation = torch.linalg.qr(normal(20, 20, generator=generator)).Q
    moved = 3 * x @ rotation + normal(20, generator=generator)
    found = cka(torch.stack([x, moved]), debiased=debiased)
    assert float(found[0, 1]) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("features", "biased"), [(10, 0.0909), (100, 0.5), (1000, 0.909), (10_000, 0.990)]
)
def test_noise_looks_alike_only_to_the_biased_estimator(
    features: int, biased: float, generator: torch.Generator
) -> None:
    seeds = 6 if features == 10_000 else 12
    noise = torch.randn(seeds, 100, features, generator=generator)
    pairs = torch.triu_indices(seeds, seeds, 1).unbind()
    assert float(cka(noise, debiased=False)[pairs].mean()) == pytest.approx(biased, abs=0.01)
    assert float(cka(noise)[pairs].mean()) == pytest.approx(0.0, abs=0.02)


def test_unbiased_hsic_equals_its_formula_pair_by_pair(generator: torch.Generator) -> None:
    x = normal(4, 15, 6, generator=generator) + normal(15, 6, generator=generator)
    m = 15

    def hsic(a: torch.Tensor, b: torch.Tensor) -> float:
        a, b = (g - g.diag().diag() for g in (a, b))
        product = a @ b
        ends = float(a.sum() * b.sum()) / ((m - 1) * (m - 2))
        return (float(product.trace()) + ends - 2 * float(product.sum()) / (m - 2)) / (m * (m - 3))

    grams = [each @ each.T for each in x]
    found = cka(x)
    for i in range(4):
        for j in range(4):
            own = math.sqrt(hsic(grams[i], grams[i]) * hsic(grams[j], grams[j]))
            assert float(found[i, j]) == pytest.approx(hsic(grams[i], grams[j]) / own)


def test_biased_cka_equals_the_feature_space_form(generator: torch.Generator) -> None:
    x = normal(2, 30, 5, generator=generator) + normal(30, 5, generator=generator)
    a, b = x - x.mean(1, keepdim=True)
    expected = (a.T @ b).norm() ** 2 / ((a.T @ a).norm() * (b.T @ b).norm())
    assert float(cka(x, debiased=False)[0, 1]) == pytest.approx(float(expected))


@pytest.mark.parametrize("inputs", [63, 64, 65, 200])
def test_strips_of_inputs_leave_no_pair_out(inputs: int, generator: torch.Generator) -> None:
    x = normal(3, inputs, 5, generator=generator) + normal(inputs, 5, generator=generator)
    grams = x @ x.mT
    centring = torch.eye(inputs, dtype=torch.float64) - 1 / inputs
    whole = (centring @ grams @ centring).flatten(1)
    expected = (whole @ whole.T) / torch.outer(whole.norm(dim=1), whole.norm(dim=1))
    torch.testing.assert_close(cka(x, debiased=False), expected)
    grams.diagonal(dim1=1, dim2=2).zero_()
    rows, both = grams.sum(2), grams.sum((1, 2))
    trace = grams.flatten(1) @ grams.flatten(1).T
    ends = torch.outer(both, both) / ((inputs - 1) * (inputs - 2))
    hsic = trace + ends - 2 * rows @ rows.T / (inputs - 2)
    norm = hsic.diagonal().sqrt()
    torch.testing.assert_close(cka(x), hsic / torch.outer(norm, norm))


def test_parts_average_to_the_whole_in_expectation(generator: torch.Generator) -> None:
    shared = normal(2000, 8, generator=generator)
    x = normal(3, 2000, 8, generator=generator) + shared
    # Population: HSIC(X, Y) = 8, HSIC(X, X) = 8 * 2^2.
    assert cka(x, batch=100)[0, 1:].tolist() == pytest.approx([0.25, 0.25], abs=0.03)
    torch.testing.assert_close(cka(x, batch=100), cka(x, batch=2000), atol=0.02, rtol=0)
    assert torch.equal(cka(x, batch=100), cka(x, batch=100))


def test_float32_keeps_its_digits_on_a_large_mean(generator: torch.Generator) -> None:
    x = normal(3, 200, 16, generator=generator) + normal(200, 16, generator=generator)
    shifted = (x + 500.0).float()
    torch.testing.assert_close(cka(shifted).double(), cka(x), atol=1e-4, rtol=0)
    torch.testing.assert_close(cka(1e-25 * x.float()), cka(x), atol=1e-4, rtol=0)


def test_a_constant_representation_has_no_cka(generator: torch.Generator) -> None:
    x = torch.randn(3, 20, 4, generator=generator)
    x[1] = 0.1
    assert constant_seeds(x) == (1,)
    found = cka(x)
    assert bool(found[1].isnan().all())
    assert bool(found[0, [0, 2]].isfinite().all())


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="at least 4 inputs"):
        cka(torch.randn(2, 3, 5))
    with pytest.raises(ValueError, match="representations: wanted finite"):
        cka(torch.full((2, 8, 5), math.inf))
