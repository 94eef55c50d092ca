"""The exact rational function of a sum of poles: sum_j r_j / (z - p_j) = N(z) / D(z).

Every float becomes the Gaussian rational that it is, so that sympy computes without rounding: the
series of N / D in 1 / z has exactly the numbers sum_j r_j p_j^k as its coefficients.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sympy


def transfer_function(
    poles: Sequence[complex], residues: Sequence[complex]
) -> tuple["sympy.Poly", "sympy.Poly"]:
    """Numerator and monic denominator in z, with exact Gaussian rationals as coefficients."""
    import sympy

    z = sympy.Symbol("z")
    factors = [sympy.Poly(z - _exact(p), z) for p in poles]
    numerator, denominator = sympy.Poly(0, z), sympy.Poly(1, z)
    for factor, residue in zip(factors, residues, strict=True):
        numerator = numerator * factor + denominator * _exact(residue)
        denominator = denominator * factor
    return numerator, denominator


def series(
    numerator: "sympy.Poly", denominator: "sympy.Poly", count: int
) -> tuple["sympy.Expr", ...]:
    """The first `count` coefficients of N / D at 1/z, 1/z^2, ...: the signal, by long division."""
    import sympy

    degree = len(denominator.all_coeffs()) - 1
    below = [numerator.coeff_monomial(numerator.gen ** (degree - 1 - k)) for k in range(degree)]
    monic = denominator.all_coeffs()
    found: list[sympy.Expr] = []
    for k in range(count):
        value = below[k] if k < degree else sympy.Integer(0)
        for back in range(1, min(k, degree) + 1):
            value -= monic[back] * found[k - back]
        found.append(sympy.expand(value))
    return tuple(found)


def rounded(polynomial: "sympy.Poly", digits: int = 6) -> str:
    """The polynomial as text, its coefficients rounded for the eye."""
    shown = []
    for (power,), coefficient in polynomial.terms():
        number = complex(coefficient)
        imaginary = abs(number.imag) > 10.0**-digits * abs(number)
        text = f"({number:.{digits}g})" if imaginary else f"{number.real:.{digits}g}"
        shown.append(text + (f" z^{power}" if power > 1 else " z" if power else ""))
    return " + ".join(shown)


def _exact(value: complex) -> "sympy.Expr":
    import sympy

    return sympy.Rational(value.real) + sympy.I * sympy.Rational(value.imag)
