"""Fits of known functions: each finds itself, the wrong ones say so, a flat curve is no 0 / 0."""

import numpy as np
import pytest

from analysis.reading.formulas.candidates import LIBRARY, fit_candidate, fit_constant

X = np.linspace(-0.7, 1.9, 128)
BY_NAME = {c.name: c for c in LIBRARY}
# a, b that keep the argument where each function is defined and has its shape
PLACES = {"log": (0.8, 1.1), "sqrt": (0.8, 1.1), "1/x": (0.7, 2.5), "abs": (1.3, -0.4)}


@pytest.mark.parametrize("name", list(BY_NAME))
def test_each_function_finds_itself(name):
    a, b = PLACES.get(name, (2.1, -0.6))
    y = -1.7 * BY_NAME[name].f(a * X + b) + 0.3
    fit = fit_candidate(BY_NAME[name], X, y)
    assert 1 - fit.r2 < 1e-9
    again = fit.c * fit.candidate.f(fit.a * X + fit.b) + fit.d
    np.testing.assert_allclose(again, y, atol=1e-4)


@pytest.mark.parametrize("name", list(BY_NAME))
def test_no_function_explains_noise(name):
    noise = np.random.default_rng(0).standard_normal(len(X))
    assert fit_candidate(BY_NAME[name], X, noise).r2 < 0.5


def test_r2_is_the_share_of_variance_by_hand():
    x = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
    fit = fit_candidate(BY_NAME["x"], x, np.array([0.0, 0.0, 0.0, 3.0, 3.0]))
    # The line 1.2 + 1.5 x explains 1.5^2 * 4 = 9 of the squares 10.8 about the mean.
    assert fit.r2 == pytest.approx(9 / 10.8)


def test_a_flat_curve_is_a_constant_and_explained():
    fit = fit_constant(np.full(9, 2.5))
    assert (fit.r2, fit.d, fit.candidate.name) == (1.0, 2.5, "0")
    assert all(np.isfinite(fit_candidate(c, X, np.zeros_like(X)).c) for c in LIBRARY[:1])


def test_a_logarithm_is_never_taken_below_zero():
    fit = fit_candidate(BY_NAME["log"], X, np.sin(3 * X))
    assert fit.r2 < 0.99
