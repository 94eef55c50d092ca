"""The best approximation of rank k: its error is s_{k+1}, all-pass, and nothing is nearer."""

import math

import pytest
import torch

from interpretable_arch.maths.signals.adamyan_arov_krein import best_approximation, error_on_circle
from interpretable_arch.maths.signals.hankel_operator import (
    error_norm,
    gramian_norm,
    hankel_norm,
    pole_sum,
)

NUMBER = torch.arange(300)


def drawn(seed: int, count: int = 8, radius: float = 0.9) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(2, count, generator=generator)
    poles = torch.polar(radius * u[0].sqrt(), 2 * math.pi * u[1])
    return poles, torch.view_as_complex(torch.randn(count, 2, generator=generator))


@pytest.mark.parametrize("seed", range(12))
def test_the_error_is_the_next_singular_value_to_rounding(float64, seed):
    poles, residues = drawn(seed)
    found = best_approximation(pole_sum(poles, residues, NUMBER), 3)
    least = float(gramian_norm(poles, residues)[3])
    both = torch.cat([poles, found.poles]), torch.cat([residues, -found.residues])
    assert float(gramian_norm(*both)[0]) == pytest.approx(least, rel=1e-12)
    assert error_norm(pole_sum(poles, residues, NUMBER), found.poles, found.residues) == (
        pytest.approx(found.error, rel=1e-12)
    )
    modulus = error_on_circle(found.u, found.v).abs()
    assert float((modulus - 1).abs().max()) < 1e-11
    assert found.winding == 3
    assert float(found.poles.abs().max()) < 1


def test_mpmath_finds_the_same_with_fifty_digits(float64):
    """The whole construction anew in 50 digits, from the rational function and no samples.

    v = sum_a c_a f_a in the Malmquist basis, its zeros from a start, residues from u and v.
    """
    import mpmath

    poles, residues = drawn(1, 4, 0.7)
    found = best_approximation(pole_sum(poles, residues, NUMBER), 2)
    with mpmath.workdps(50):
        p = [mpmath.mpc(complex(z)) for z in poles]
        r = [mpmath.mpc(complex(z)) for z in residues]

        def basis(a, z):
            value = mpmath.sqrt(1 - abs(p[a]) ** 2) / (1 - mpmath.conj(p[a]) * z)
            for b in range(a):
                value *= (z - p[b]) / (1 - mpmath.conj(p[b]) * z)
            return value

        def outer(a, z):
            value = mpmath.sqrt(1 - abs(p[a]) ** 2) / (z - p[a])
            for b in range(a):
                value *= (1 - mpmath.conj(p[b]) * z) / (z - p[b])
            return value

        n = len(p)
        T = mpmath.matrix(n, n)
        for a in range(n):
            for b in range(n):
                T[a, b] = sum(r[m] * basis(a, p[m]) * basis(b, p[m]) for m in range(n))
        values, vectors = mpmath.eigh(T.H * T)
        s = mpmath.sqrt(values[n - 3])  # ascending: the third from above
        c = vectors[:, n - 3]
        d = T * c / s

        def v(z):
            return sum(c[a] * basis(a, z) for a in range(n))

        def u(z):
            return sum(d[a] * outer(a, z) for a in range(n))

        for pole, residue in zip(found.poles.tolist(), found.residues.tolist(), strict=True):
            exact = mpmath.findroot(v, mpmath.mpc(pole))
            assert abs(complex(exact) - pole) < 1e-12
            weight = -s * u(exact) / mpmath.diff(v, exact)
            assert abs(complex(weight) - residue) < 1e-11
        assert float(s) == pytest.approx(found.error, rel=1e-13)


def test_nothing_near_it_is_nearer(float64):
    poles, residues = drawn(0)
    h = pole_sum(poles, residues, NUMBER)
    found = best_approximation(h, 3)
    generator = torch.Generator().manual_seed(0)
    for size in (1e-1, 1e-2, 1e-3, 1e-4):
        shift = torch.view_as_complex(size * torch.randn(2, 3, 2, generator=generator))
        other = pole_sum(found.poles + shift[0], found.residues + shift[1], NUMBER)
        assert hankel_norm(h - other) > found.error


def test_a_real_signal_has_a_real_approximation(float64):
    half, weight = drawn(2, 3)
    poles, residues = torch.cat([half, half.conj()]), torch.cat([weight, weight.conj()])
    found = best_approximation(pole_sum(poles, residues, NUMBER), 2)
    kept = pole_sum(found.poles, found.residues, NUMBER)
    assert float(kept.imag.abs().max()) < 1e-12


def test_a_repeated_pole_is_approached_all_the_same(float64):
    """h_k = (k + 1) p^k has a double pole; the best single one is simple."""
    h = (NUMBER + 1) * torch.tensor(0.6 + 0j) ** NUMBER
    found = best_approximation(h, 1)
    assert error_norm(h, found.poles, found.residues) == pytest.approx(found.error, rel=1e-12)
