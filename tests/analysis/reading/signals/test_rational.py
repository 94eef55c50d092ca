"""The reading of rational signals: optimal to rounding, rivals are not, the exact function."""

import pytest
import torch

from analysis.exhibits import Lines, Table
from analysis.reading.signals.rational import read_rational
from analysis.reading.signals.rivals import RIVALS
from analysis.reading.signals.transfer_function import rounded, series, transfer_function
from interpretable_arch.maths.signals.adamyan_arov_krein import best_approximation
from interpretable_arch.maths.signals.hankel_operator import error_norm
from interpretable_arch.models.rational_signal import RationalSignal, RationalSignalConfig
from training.data.signals import Signal, signals


def read(poles: int, noise: float = 0.0):
    task = signals(count=4, radius=0.7, samples=100, noise=noise)
    assert isinstance(task.train, Signal)
    model = RationalSignal(RationalSignalConfig(samples=100, poles=poles, radius=0.7)).double()
    model.fit_data([(task.train.inputs, task.train.targets)])
    with torch.no_grad():
        found = read_rational(model, task)
    assert found is not None
    return found


def test_fewer_poles_are_optimal_and_no_rival_is():
    found = read(2)
    assert abs(found.figures["error over s_{k+1}, less 1"]) < 1e-12
    assert found.figures["all-pass: modulus on the circle, apart from 1"] < 1e-11
    assert found.figures["zeros of the Schmidt vector inside"] == 2
    assert found.figures["samples, apart from the optimum's"] < 1e-13
    assert found.figures["transfer function's series, apart"] < 1e-14
    rivals = found.exhibits[1]
    assert isinstance(rivals, Table)
    assert [row[0] for row in rivals.rows] == ["this model", *RIVALS]
    assert all(float(row[2]) > 1.001 for row in rivals.rows[1:])
    assert all(isinstance(e, Lines) for e in found.exhibits[2:])


def test_all_poles_are_those_planted():
    found = read(4)
    assert found.figures["planted pole, furthest from a found one"] < 1e-8
    assert "error over s_{k+1}, less 1" not in found.figures


def test_noise_moves_the_poles_but_not_the_optimality():
    found = read(4, noise=0.01)
    assert abs(found.figures["error over s_{k+1}, less 1"]) < 1e-9
    assert 1e-6 < found.figures["planted pole, furthest from a found one"] < 0.2


@pytest.mark.parametrize("name", list(RIVALS))
def test_rivals_are_never_nearer(name):
    for seed in range(4):
        train = signals(count=6, radius=0.8, samples=150, signal_seed=seed).train
        assert isinstance(train, Signal)
        h = torch.view_as_complex(train.targets)
        poles, residues = RIVALS[name](h, 2)
        if bool((poles.abs() < 1).all()):
            assert error_norm(h, poles, residues) > best_approximation(h, 2).error


@pytest.mark.parametrize("name", list(RIVALS))
def test_rivals_find_an_exact_signal(name):
    """Balanced truncation keeps all of it; all of them are right where the degree is."""
    train = signals(count=3, radius=0.8, samples=150).train
    assert isinstance(train, Signal)
    poles, residues = RIVALS[name](torch.view_as_complex(train.targets), 3)
    order = (poles[:, None] - train.poles).abs().argmin(0)
    torch.testing.assert_close(poles[order], train.poles, rtol=0, atol=1e-6)
    torch.testing.assert_close(residues[order], train.residues, rtol=0, atol=1e-4)


def test_the_transfer_function_by_hand():
    """1 / (z - 1/2) + 2 / (z + 1/4) = (3 z - 3/4) / (z^2 - z/4 - 1/8)."""
    numerator, denominator = transfer_function([0.5 + 0j, -0.25 + 0j], [1 + 0j, 2 + 0j])
    assert rounded(numerator) == "3 z + -0.75"
    assert rounded(denominator) == "1 z^2 + -0.25 z + -0.125"
    wanted = [0.5**k + 2 * (-0.25) ** k for k in range(6)]
    assert [float(c) for c in series(numerator, denominator, 6)] == wanted
