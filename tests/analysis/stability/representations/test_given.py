"""Representations as given: widths may differ, mistakes name the seed and the input."""

import pytest
import torch

from analysis.stability.representations.cka import cka
from analysis.stability.representations.given import (
    checked,
    constant_seeds,
    is_constant,
    padded,
    unit_size,
)


def test_widths_may_differ_and_give_the_numbers_of_pairs_alone(generator: torch.Generator) -> None:
    x = [torch.randn(40, p, generator=generator, dtype=torch.float64) for p in (3, 7, 90)]
    found = cka(x)
    for i in range(3):
        for j in range(3):
            widest = max(x[i].shape[1], x[j].shape[1])
            pair = padded([x[i], x[j]])
            assert pair.shape[2] == widest
            assert float(cka(pair)[0, 1]) == pytest.approx(float(found[i, j]), abs=1e-12)


def test_the_seed_and_the_input_of_a_nan_are_named() -> None:
    x = torch.ones(4, 9, 3)
    x[2, 5, 1] = torch.nan
    with pytest.raises(ValueError, match="nan from seed 2 at input 5"):
        checked(x)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "at least one seed"),
        ([torch.ones(5, 2), torch.ones(6, 2)], "5 of seed 0 and 6 of seed 1"),
        ([torch.ones(5, 2), torch.ones(5, 0)], "shape .5, 0. of seed 1"),
        (torch.ones(2, 3, 2), "at least 4 inputs, got 3"),
    ],
)
def test_mistakes_are_named(given: list[torch.Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked(given, least=4)


def test_half_precision_is_widened() -> None:
    assert checked(torch.ones(1, 2, 2, dtype=torch.bfloat16))[0].dtype == torch.float32


def test_a_constant_has_no_size_and_huge_numbers_have(generator: torch.Generator) -> None:
    x = torch.randn(3, 10, 2, generator=generator, dtype=torch.float64)
    x[1] = 0.3
    x[2] *= 1e200
    assert constant_seeds(x) == (1,)
    assert bool(unit_size(x[1]).isnan().all())
    assert float(unit_size(x[2]).norm()) == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_one_massive_feature_does_not_make_the_others_constant(
    dtype: torch.dtype, generator: torch.Generator
) -> None:
    x = torch.randn(100, 20, generator=generator)
    x[:, 0] = 1e4
    assert not is_constant((x / 10 if dtype == torch.float32 else x).to(dtype))
    assert is_constant(x[:1].expand(100, 20).to(dtype))
