"""Scales unit by unit: planted ones come back, and no scale of a fine search is better."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpretable_arch.alignment.scaling import fit_scale


def _cost(s, x, y, p, q):
    apart = (s[..., None] * x - y).square().sum(-1)
    return apart + (p / s[..., None] - q).square().sum(-1)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_planted_scales_are_recovered(seed):
    draws = torch.Generator().manual_seed(seed)
    x, p = (torch.randn(2, 5, n, generator=draws, dtype=torch.float64) for n in (3, 4))
    s = torch.randn(2, 5, generator=draws, dtype=torch.float64).exp()
    found = fit_scale(
        [(x, s[..., None] * x, "direct"), (p, p / s[..., None], "dual")],
    )
    torch.testing.assert_close(found, s, rtol=1e-6, atol=0)


def test_no_scale_of_a_fine_search_is_better():
    draws = torch.Generator().manual_seed(0)
    x, y = (torch.randn(1, 50, 3, generator=draws, dtype=torch.float64) for _ in range(2))
    p, q = (torch.randn(1, 50, 4, generator=draws, dtype=torch.float64) for _ in range(2))
    found = _cost(fit_scale([(x, y, "direct"), (p, q, "dual")]), x, y, p, q)
    every = torch.linspace(-6, 6, 20_001, dtype=torch.float64).exp()
    least = torch.stack([_cost(s.expand(1, 50), x, y, p, q) for s in every]).amin(0)
    assert bool((found <= least + 1e-9).all())


def test_one_side_alone_is_least_squares():
    x = torch.tensor([[[1.0, 2.0], [1.0, 0.0]]], dtype=torch.float64)
    y = torch.tensor([[[2.0, 5.0], [-1.0, 0.0]]], dtype=torch.float64)
    found = fit_scale([(x, y, "direct")])
    assert abs(float(found[0, 0]) - 12 / 5) < 1e-6  # x.y / x.x
    assert float(found[0, 1]) < 3e-3  # of the opposite sign: as small as is looked for


def test_a_unit_of_zeros_stays():
    zeros = torch.zeros(1, 3, 2)
    assert fit_scale([(zeros, zeros, "direct"), (zeros, zeros, "dual")]).tolist() == [[1, 1, 1]]
