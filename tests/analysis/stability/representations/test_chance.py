"""Nulls by making: rows keep their cloud, rotations keep every inner product."""

import torch

from analysis.stability.representations.chance import permuted_rows, rotated_basis
from analysis.stability.representations.cka import cka


def test_rows_are_the_same_in_another_order(generator: torch.Generator) -> None:
    x = [torch.randn(40, p, generator=generator) for p in (3, 5)]
    found = permuted_rows(x, generator)
    for before, after in zip(x, found, strict=True):
        assert not torch.equal(before, after)
        assert sorted(before.tolist()) == sorted(after.tolist())


def test_seeds_that_agree_no_longer_do(generator: torch.Generator) -> None:
    x = torch.randn(300, 8, generator=generator)
    assert abs(float(cka(permuted_rows([x, x], generator))[0, 1])) < 0.05
    assert float(cka(rotated_basis([x, x], generator))[0, 1]) > 0.999


def test_a_turned_basis_keeps_inner_products_about_the_mean(generator: torch.Generator) -> None:
    x = torch.randn(1, 20, 6, generator=generator, dtype=torch.float64) + 4
    turned = rotated_basis(x, generator)[0]
    torch.testing.assert_close(turned.mean(0), x[0].mean(0))
    before, after = (each - each.mean(0) for each in (x[0], turned))
    torch.testing.assert_close(after @ after.T, before @ before.T)
    assert not torch.allclose(before, after)


def test_the_same_generator_gives_the_same_null() -> None:
    x = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(1))
    twice = [permuted_rows(x, torch.Generator().manual_seed(2)) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*twice, strict=True))
