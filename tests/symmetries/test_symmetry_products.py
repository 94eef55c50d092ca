"""Scales and signs of products: what is multiplied in the factors is divided in the writes."""

import torch

from interpretable_arch.symmetries.products import FactorScales


def test_by_hand(float64):
    group, g = FactorScales(2), torch.tensor([[2.0, -3.0]])
    factors, writes = torch.ones(1, 2, 4), torch.full((1, 5, 1), 6.0)
    torch.testing.assert_close(group.apply(g, factors, "direct")[0, :, 0], torch.tensor([2.0, -3]))
    torch.testing.assert_close(group.apply(g, writes, "dual"), torch.full((1, 5, 1), -1.0))


def test_the_product_is_kept_and_the_group_undone(float64, generator):
    group = FactorScales(3)
    g = group.sample(4, generator, torch.float64)
    assert (g < 0).any()
    factors = torch.randn(4, 3, 6, generator=generator)
    writes = torch.randn(4, 5, 1, generator=generator)
    moved = group.apply(g, factors, "direct"), group.apply(g, writes, "dual")
    torch.testing.assert_close(
        moved[0].prod(1)[:, None] * moved[1], factors.prod(1)[:, None] * writes
    )
    torch.testing.assert_close(group.apply(group.inverse(g), moved[0], "direct"), factors)
    torch.testing.assert_close(group.apply(group.inverse(g), moved[1], "dual"), writes)
    torch.testing.assert_close(group.fit([(factors, moved[0], "direct")]), g)
