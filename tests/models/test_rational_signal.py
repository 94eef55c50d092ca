"""Rational signals: planted poles come back, the certificate, degenerate signals, bad input."""

import math
import re

import numpy as np
import pytest
import torch

from interpretable_arch.maths.signals.hankel_operator import pole_sum
from interpretable_arch.models.pole_sum import PoleSum
from interpretable_arch.models.rational_signal import RationalSignal, RationalSignalConfig
from interpretable_arch.models.rational_signal_descent import (
    RationalSignalDescent,
    RationalSignalDescentConfig,
)

N = 120
PLANTED = torch.tensor([0.7 + 0.1j, -0.5 + 0.4j, 0.2 - 0.6j], dtype=torch.complex128)
CARRIED = torch.tensor([1 + 1j, 2, -1j], dtype=torch.complex128)


def signal(poles: torch.Tensor = PLANTED, residues: torch.Tensor = CARRIED, count: int = N):
    return pole_sum(poles, residues, torch.arange(count))


def fitted(h: torch.Tensor, poles: int = 3, seed: int = 0, **arguments) -> RationalSignal:
    torch.manual_seed(seed)
    given = {"samples": len(h), "poles": poles, "radius": 0.8, **arguments}
    model = RationalSignal(RationalSignalConfig(**given)).double()
    order = torch.randperm(len(h))
    model.fit_data([(order[:, None], torch.view_as_real(h[order].to(torch.complex128)))])
    return model


def found_poles(model: PoleSum) -> torch.Tensor:
    return torch.view_as_complex(model.poles.detach())


def failed(model: RationalSignal) -> list[str]:
    return [c.name for c in model.certificate().failed]


def apart(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((wanted[:, None] - found).abs().amin(1).max())


def test_planted_poles_come_back_and_are_certified(float64):
    model = fitted(signal())
    assert apart(found_poles(model), PLANTED) < 1e-11
    assert model.certificate().holds
    at = torch.arange(N)[:, None]
    torch.testing.assert_close(model(at), torch.view_as_real(signal()), rtol=0, atol=1e-12)


def test_powers_are_those_of_numpy_also_at_zero(float64):
    torch.manual_seed(0)
    model = RationalSignalDescent(RationalSignalDescentConfig(samples=20, poles=2)).double()
    with torch.no_grad():
        model.poles[0] = 0
    poles = found_poles(model).numpy()
    wanted = poles[None] ** np.arange(20)[:, None]
    got = model.powers(torch.arange(20)[:, None]).detach()
    np.testing.assert_allclose(got.numpy(), wanted, atol=1e-14)
    model(torch.arange(20)[:, None]).sum().backward()
    assert model.poles.grad is not None
    assert bool(model.poles.grad.isfinite().all())


def test_fewer_poles_reach_the_next_singular_value_from_any_start(float64):
    models = [fitted(signal(), poles=2, seed=seed) for seed in range(3)]
    for model in models:
        certificate = model.certificate()
        assert certificate.holds
        error, least = certificate.figures["error"], certificate.figures["s_{k+1}"]
        assert error == pytest.approx(least, rel=1e-12)
        torch.testing.assert_close(model.poles, models[0].poles, rtol=0, atol=1e-13)


def test_the_order_of_poles_is_no_matter_to_the_certificate(float64):
    model = fitted(signal())
    with torch.no_grad():
        for value in (model.poles, model.residues):
            value.copy_(value[[2, 0, 1]].clone())
    assert model.certificate().holds
    with torch.no_grad():
        model.residues[0] += 1e-6
    assert failed(model) == ["moved since the fit"]


def test_too_many_poles_are_declared_not_unique(float64):
    model = fitted(signal(), poles=5)
    assert {"least distance of poles", "least residue over the largest"} <= set(failed(model))
    assert "3 poles reach the tolerance" in model.certificate().notes[0]
    at = torch.arange(N)[:, None]
    torch.testing.assert_close(model(at), torch.view_as_real(signal()), rtol=0, atol=1e-12)


def test_a_tolerance_chooses_the_degree(float64):
    noise = torch.randn(N, 2, generator=torch.Generator().manual_seed(0))
    h = signal() + 1e-6 * torch.view_as_complex(noise)
    model = fitted(h, poles=6, tolerance=1e-3)
    assert model.certificate().figures["poles used"] == 3
    used = found_poles(model)[model.residues.detach().norm(dim=1) > 0]
    assert len(used) == 3
    assert apart(used, PLANTED) < 1e-4


def test_equal_singular_values_are_declared(float64):
    """h = 0, 1, 0, 0, ...: both singular values are 1, and a best approximation is not unique."""
    h = torch.zeros(N, dtype=torch.complex128)
    h[1] = 1
    model = fitted(h, poles=1)
    assert "gap of the singular values" in failed(model)


def test_a_repeated_pole_is_declared(float64):
    """(k + 1) p^k has a double pole: two simple ones only come near each other."""
    number = torch.arange(N)
    h = (number + 1) * torch.tensor(0.6 + 0j) ** number
    model = fitted(h, poles=2)
    assert not model.certificate().holds
    assert "least distance of poles" in failed(model)


def test_a_real_signal_has_conjugate_poles(float64):
    half = torch.tensor([0.6 + 0.3j, -0.2 + 0.5j])
    poles = torch.cat([half, half.conj()])
    model = fitted(signal(poles, torch.ones(4, dtype=poles.dtype)), poles=4)
    assert model.certificate().holds
    assert apart(found_poles(model).conj(), found_poles(model)) < 1e-11


def bad(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    at = torch.arange(N)[:, None]
    values = torch.view_as_real(signal())
    holed = values.clone()
    holed[7, 0] = torch.nan
    return {
        "not finite": (at, holed),
        "zero": (at, torch.zeros_like(values)),
        "constant": (at, torch.ones_like(values)),
        "growing": (at, torch.view_as_real(signal(PLANTED * 1.6))),
        "on the circle": (at, torch.view_as_real(signal(PLANTED / PLANTED.abs()))),
        "missing": (at[1:], values[1:]),
        "repeated": (at.clamp_max(N - 2), values),
    }[name]


SAID = {
    "not finite": "wanted finite samples, got 1 not",
    "zero": "got only zeros",
    "constant": "poles inside radius 0.8, got a share of 0.5 of the energy",
    "growing": "radius about 1.1",
    "on the circle": "radius about 1.0",
    "missing": "wanted the samples 0 to 119, each once, got 119, from 1 to 119",
    "repeated": "each once, got 120",
}


@pytest.mark.parametrize("name", list(SAID))
def test_bad_signals_are_refused(float64, name):
    model = RationalSignal(RationalSignalConfig(samples=N, radius=0.8)).double()
    with pytest.raises(ValueError, match=re.escape(SAID[name])):
        model.fit_data([bad(name)])


def test_a_signal_too_short_for_its_radius_is_refused_with_what_it_would_lose(float64):
    with pytest.raises(
        ValueError, match=r"at least \d+ samples .* radius 0.95, got 120: up to 0.04"
    ):
        fitted(signal(), radius=0.95)


def test_a_sample_beyond_the_powers_is_an_error(float64):
    model = RationalSignal(RationalSignalConfig(samples=N))
    with pytest.raises(IndexError):
        model(torch.tensor([[128]]))


@pytest.mark.parametrize(("name", "value"), [("radius", 1.0), ("poles", 0), ("tolerance", -1.0)])
def test_bad_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        RationalSignalConfig(**{"samples": 10, name: value})


def test_poles_that_descent_drives_out_are_brought_back(float64):
    model = RationalSignalDescent(RationalSignalDescentConfig(samples=20, poles=2)).double()
    outside = {"poles": torch.tensor([[3.0, 4.0], [0.1, 0.2]]), "residues": model.residues}
    kept = model.constrain(outside)["poles"]
    torch.testing.assert_close(kept[0], 0.99 * torch.tensor([0.6, 0.8]))
    torch.testing.assert_close(kept[1], outside["poles"][1])
    assert math.isclose(float(kept[0].norm()), 0.99)


INSIDE = torch.tensor([0.5 + 0.1j, -0.3 + 0.2j, 0.7j], dtype=torch.complex128)
LATE = "beyond the samples, their last tenth"


@pytest.mark.parametrize("amplitude", [1e-3, 1e-2])
def test_a_weak_pole_on_the_circle_is_not_certified(float64, amplitude):
    """Samples that do not decay say nothing of an infinite signal, however small they are."""
    ones = torch.ones(3, dtype=torch.complex128)
    h = signal(INSIDE, ones, 90)
    assert fitted(h, radius=0.7).certificate().holds
    assert LATE in failed(fitted(h + amplitude, radius=0.7))


def test_noise_is_not_certified(float64):
    noise = torch.randn(N, 2, generator=torch.Generator().manual_seed(0))
    assert failed(fitted(signal() + 1e-2 * torch.view_as_complex(noise))) == [LATE]


@pytest.mark.parametrize("size", [1e-200, 1e-10, 1e200])
def test_another_size_of_the_signal_scales_the_answer(float64, size):
    """Also where the squares of the samples are 0 or infinite."""
    small, model = fitted(size * signal(), poles=2), fitted(signal(), poles=2)
    torch.testing.assert_close(small.poles, model.poles, rtol=0, atol=1e-12)
    torch.testing.assert_close(small.residues / size, model.residues, rtol=0, atol=1e-12)
    assert small.certificate().holds
    with torch.no_grad():
        small.residues.mul_(5)
    assert failed(small) == ["moved since the fit"]


def test_a_signal_too_large_for_the_number_type_is_refused(float64):
    model = RationalSignal(RationalSignalConfig(samples=N, radius=0.8)).float()
    with pytest.raises(ValueError, match="signal: wanted residues from 1e-38 to 3e"):
        model.fit_data([(torch.arange(N)[:, None], torch.view_as_real(1e200 * signal()))])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tolerance", 1.0),
        ("tolerance", 2.0),
        ("tolerance", math.nan),
        ("truncation", math.nan),
        ("truncation", math.inf),
    ],
)
def test_tolerances_that_leave_no_pole_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        RationalSignalConfig(**{"samples": 10, name: value})
