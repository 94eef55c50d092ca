"""Hats on quantile knots: they sum to 1, go through their values, and none is idle."""

import numpy as np
import pytest
import torch

from interpretable_arch.maths.additive.hats import constant, hats, quantile_knots, ramps

AROUND = torch.linspace(-4, 4, 161, dtype=torch.float64)[:, None].expand(-1, 2)
KNOTS = torch.tensor([[-1.0, 0.0, 0.5, 2.0], [-3.0, -1.0, 1.0, 3.0]], dtype=torch.float64)


def test_they_sum_to_one_everywhere():
    total = hats(AROUND, KNOTS).sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-14)


def test_at_a_knot_only_its_own_is_there():
    torch.testing.assert_close(
        hats(KNOTS.T, KNOTS).transpose(0, 1), torch.eye(4).double().expand(2, 4, 4)
    )


def test_numpy_interpolates_alike():
    values = torch.randn(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = torch.einsum("ndk,dk->nd", hats(AROUND, KNOTS), values)
    for i in range(2):
        wanted = np.interp(AROUND[:, i].numpy(), KNOTS[i].numpy(), values[i].numpy())
        np.testing.assert_allclose(found[:, i].numpy(), wanted, atol=1e-13)


def test_ramps_by_hand():
    found = ramps(torch.tensor([[0.25, 9.0]]), torch.tensor([[0.0, 0.5, 1.0], [0.0, 1.0, 2.0]]))
    assert found.tolist() == [[[0.5, 0.0], [1.0, 1.0]]]


@pytest.mark.parametrize("count", [2, 5, 17])
def test_knots_run_from_the_least_to_the_largest_value(count, generator):
    x = torch.randn(200, 3, dtype=torch.float64, generator=generator).exp()
    knots = quantile_knots(x, count)
    torch.testing.assert_close(knots[:, 0], x.amin(0))
    torch.testing.assert_close(knots[:, -1], x.amax(0))
    assert bool((knots.diff() > 0).all())


def test_few_values_fill_up_with_midpoints_and_a_constant_has_its_value_in_the_middle():
    x = torch.tensor([[0.0, 7.0]] * 3 + [[1.0, 7.0]] * 5)
    knots = quantile_knots(x, 5)
    assert knots[0].tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert float(knots[1, 2]) == 7.0
    assert constant(x).tolist() == [False, True]
    assert bool((knots.diff() > 0).all())


def test_values_that_nearly_agree_are_one_knot():
    x = torch.tensor([0.0, 1.0, 1.0 + 1e-12, 2.0], dtype=torch.float64)[:, None]
    assert bool((quantile_knots(x, 4).diff() > 1e-3).all())
