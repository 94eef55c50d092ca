"""The Hankel operator: rank is degree, and samples and Gramians agree on its singular values."""

import math

import pytest
import torch

from interpretable_arch.maths.signals.hankel_operator import (
    error_norm,
    gramian_norm,
    hankel,
    hankel_norm,
    pole_sum,
    realised,
    samples_needed,
    singular_values,
)


def drawn(count: int, seed: int = 0, radius: float = 0.9) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(2, count, generator=generator)
    poles = torch.polar(radius * u[0].sqrt(), 2 * math.pi * u[1])
    return poles, torch.view_as_complex(torch.randn(count, 2, generator=generator))


def test_one_pole_by_hand(float64):
    """H = r p^(i + j), a rank-one matrix of norm r sum p^2i = r / (1 - p^2)."""
    h = pole_sum(torch.tensor([0.5 + 0j]), torch.tensor([3 + 0j]), torch.arange(80))
    assert h[:3].tolist() == [3, 1.5, 0.75]
    assert hankel_norm(h) == pytest.approx(3 / (1 - 0.25), rel=1e-14)
    torch.testing.assert_close(
        hankel(h[:3]).real, torch.tensor([[3, 1.5, 0.75], [1.5, 0.75, 0], [0.75, 0, 0]])
    )


@pytest.mark.parametrize("count", [1, 3, 8])
def test_rank_is_the_number_of_poles(float64, count):
    s = singular_values(pole_sum(*drawn(count), torch.arange(320)))
    assert int((s > 1e-13 * s[0]).sum()) == count


@pytest.mark.parametrize("seed", range(5))
def test_gramians_and_samples_give_the_same_singular_values(float64, seed):
    poles, residues = drawn(8, seed)
    s = singular_values(pole_sum(poles, residues, torch.arange(320)))
    torch.testing.assert_close(gramian_norm(poles, residues), s[:8], rtol=1e-10, atol=1e-13)


def test_gramians_bear_poles_that_come_near_each_other(float64):
    poles = torch.tensor([0.5 + 0j, 0.5 + 1e-9, -0.3j])
    residues = torch.tensor([1 + 0j, 1, 2])
    wanted = gramian_norm(torch.tensor([0.5 + 0j, -0.3j]), torch.tensor([2 + 0j, 2]))
    torch.testing.assert_close(gramian_norm(poles, residues)[:2], wanted, rtol=1e-7, atol=0)


def test_an_exact_signal_is_realised(float64):
    poles, residues = drawn(4)
    found, weight = realised(pole_sum(poles, residues, torch.arange(120)), 4)
    order = (found[:, None] - poles).abs().argmin(0)
    torch.testing.assert_close(found[order], poles, rtol=0, atol=1e-9)
    torch.testing.assert_close(weight[order], residues, rtol=0, atol=1e-7)


def test_what_goes_on_beyond_the_samples_counts_as_error(float64):
    pole, residue = torch.tensor([0.9 + 0j]), torch.tensor([1 + 0j])
    h = pole_sum(pole, residue, torch.arange(20))
    assert hankel_norm(h - pole_sum(pole, residue, torch.arange(20))) == 0
    assert error_norm(h, pole, residue) > 0.1


def test_samples_needed(float64):
    n = samples_needed(0.9, 1e-9)
    assert 0.9**n / 0.1 <= 1e-9 < 0.9 ** (n - 1) / 0.1
