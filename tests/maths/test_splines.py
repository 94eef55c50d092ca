"""Splines: they sum to 1, keep lines, never vanish; scipy as the slow reference; gradients."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline

from interpretable_arch.maths.splines import (
    LocalFeatures,
    edge_features,
    off_grid,
    spline_basis,
    straight,
)

ENDS = torch.tensor([-1.5, 2.0], dtype=torch.float64)
INSIDE = torch.linspace(-1.5, 2.0, 301, dtype=torch.float64)
AROUND = torch.linspace(-6.0, 7.0, 401, dtype=torch.float64)


@pytest.mark.parametrize("grid", [1, 3, 8])
@pytest.mark.parametrize("outside", ["extend", "clamp"])
def test_they_sum_to_one_on_the_grid_and_off_it(grid, outside):
    total = spline_basis(AROUND, ENDS, grid, outside).sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


@pytest.mark.parametrize("grid", [1, 3, 8])
def test_a_straight_line_stays_one_off_the_grid(grid):
    line = spline_basis(AROUND, ENDS, grid) @ straight(ENDS, grid)
    torch.testing.assert_close(line, AROUND)


def test_off_the_grid_a_spline_goes_on_along_its_tangent_or_keeps_its_value():
    c = torch.randn(11, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    at = torch.tensor([2.0, 2.0 - 1e-6, 5.0], dtype=torch.float64)
    end, before, far = spline_basis(at, ENDS, 8) @ c
    torch.testing.assert_close(far, end + 3 * (end - before) / 1e-6, rtol=1e-5, atol=1e-5)
    end, _, far = spline_basis(at, ENDS, 8, "clamp") @ c
    torch.testing.assert_close(far, end)


@pytest.mark.parametrize("grid", [1, 3, 8])
def test_it_is_the_recursion_of_de_boor(grid):
    step = 3.5 / grid
    knots = -1.5 + step * np.arange(-3, grid + 4)
    slow = BSpline.design_matrix(INSIDE.numpy()[:-1], knots, 3).toarray()
    np.testing.assert_allclose(spline_basis(INSIDE, ENDS, grid)[:-1], slow, atol=1e-13)


def test_one_interval_by_hand():
    got = spline_basis(torch.tensor([0.0]), torch.tensor([0.0, 1.0]), 1)
    torch.testing.assert_close(got, torch.tensor([[1 / 6, 2 / 3, 1 / 6, 0.0]]))


@pytest.mark.parametrize("outside", ["extend", "clamp"])
def test_four_functions_are_all_of_them(outside):
    ends = torch.tensor([[-1.0, 1.0], [0.0, 3.0]], dtype=torch.float64)
    x = 2 * torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    weight = torch.randn(9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    slow = edge_features(x, ends, 5, outside)
    fast = LocalFeatures.apply(x, ends, 5, outside)
    torch.testing.assert_close(fast, slow)
    wanted = torch.autograd.grad((slow @ weight).sin().sum(), x)[0]
    torch.testing.assert_close(torch.autograd.grad((fast @ weight).sin().sum(), x)[0], wanted)


def test_who_has_left_the_grid():
    ends = torch.tensor([[-1.0, 1.0], [0.0, 3.0]])
    got = off_grid(torch.tensor([[0.0, -0.1], [1.1, 3.0]]), ends)
    assert got.tolist() == [[False, True], [True, False]]


def test_a_value_that_is_no_number_stays_none():
    x = torch.tensor([0.5, float("nan")])
    ends = torch.tensor([[-1.0, 1.0]]).expand(2, 2)
    got = LocalFeatures.apply(x, ends, 4, "extend")
    assert got[0].isfinite().all()
    assert got[1].isnan().any()
