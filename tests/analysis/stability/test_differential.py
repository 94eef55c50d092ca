"""Nearest-neighbour entropy: its laws and what it refuses."""

import math

import pytest
import torch

from analysis.stability.entropies.differential import kozachenko_leonenko


def test_units_shift_it_and_rotations_do_not(generator: torch.Generator) -> None:
    x = torch.randn(60, 3, generator=generator, dtype=torch.float64)
    q = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0]
    here = kozachenko_leonenko(x)
    assert kozachenko_leonenko(5 * x) == pytest.approx(here + 3 * math.log(5))
    assert kozachenko_leonenko(x @ q + 2) == pytest.approx(here)


def test_by_hand() -> None:
    # Three points on a line, k = 1: distances 1, 1, 2; psi(3) - psi(1) = 3/2; V_1 = 2.
    found = kozachenko_leonenko(torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64), k=1)
    assert found == pytest.approx(1.5 + math.log(2) + math.log(2) / 3)


def test_uniform_square(generator: torch.Generator) -> None:
    x = torch.rand(4000, 2, generator=generator, dtype=torch.float64)
    assert kozachenko_leonenko(x) == pytest.approx(0.0, abs=0.06)


def test_refusals(generator: torch.Generator) -> None:
    x = torch.randn(20, 11, generator=generator)
    with pytest.raises(ValueError, match=r"wanted 1 to 10 dimensions.*got 11"):
        kozachenko_leonenko(x)
    x = x[:, :2].clone()
    with pytest.raises(ValueError, match="k: wanted 1 to seeds - 1 = 19, got 20"):
        kozachenko_leonenko(x, k=20)
    x[7] = x[3]
    with pytest.raises(ValueError, match=r"seeds \[3, 7\] that coincide"):
        kozachenko_leonenko(x)
    x[5, 0] = math.nan
    with pytest.raises(ValueError, match=r"got others from seeds \[5\]"):
        kozachenko_leonenko(x)
