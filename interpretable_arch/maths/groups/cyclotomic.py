"""Exact arithmetic in the cyclotomic field Q(zeta_n), zeta_n = exp(2 pi i / n).

An element is the integer vector of its coefficients on 1, zeta, ..., zeta^(phi(n)-1), over a
denominator kept by the caller; a product is a polynomial product modulo the cyclotomic polynomial
Phi_n = (x^n - 1) / prod over d | n, d < n of Phi_d.  Two elements are equal when the vectors are.

Source: L. C. Washington, Introduction to Cyclotomic Fields (1982), chapter 2.
"""

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Complex, Int, Shaped

if TYPE_CHECKING:
    import sympy

Integers = np.ndarray


@cache
def cyclotomic_polynomial(n: int) -> tuple[int, ...]:
    """Coefficients of Phi_n, constant term first."""
    quotient = [-1] + [0] * (n - 1) + [1]
    for d in range(1, n):
        if n % d == 0:
            quotient = _divide_monic(quotient, cyclotomic_polynomial(d))
    return tuple(quotient)


def _divide_monic(dividend: list[int], divisor: tuple[int, ...]) -> list[int]:
    remainder, quotient = list(dividend), []
    for top in range(len(dividend) - 1, len(divisor) - 2, -1):
        lead = remainder[top]
        quotient.append(lead)
        for i, c in enumerate(divisor):
            remainder[top - len(divisor) + 1 + i] -= lead * c
    return quotient[::-1]


def degree(n: int) -> int:
    """phi(n), the dimension of Q(zeta_n) over Q."""
    return len(cyclotomic_polynomial(n)) - 1


@cache
def powers(n: int) -> Int[np.ndarray, "n phi"]:
    """Row k holds zeta^k in the basis: multiply a vector over Z[x]/(x^n - 1) by it to reduce."""
    phi = cyclotomic_polynomial(n)
    tail = np.array(phi[:-1], dtype=np.int64)
    rows = np.zeros((n, len(phi) - 1), dtype=np.int64)
    row = np.zeros(len(phi) - 1, dtype=np.int64)
    row[0] = 1
    for k in range(n):
        rows[k] = row
        lead = row[-1]
        row = np.concatenate([[0], row[:-1]]) - lead * tail
    return rows


@cache
def multiplication(n: int) -> Int[np.ndarray, "phi phi phi"]:
    """zeta^a zeta^b = sum over c of multiplication[a, b, c] zeta^c."""
    index = np.arange(degree(n))
    return powers(n)[(index[:, None] + index[None, :]) % n]


def galois(n: int, k: int) -> Int[np.ndarray, "phi phi"]:
    """The automorphism zeta -> zeta^k as the matrix with x @ galois(n, k) = sigma_k(x)."""
    if math.gcd(n, k) != 1:
        raise ValueError(f"k: wanted a number coprime to {n}, got {k}")
    return powers(n)[(np.arange(degree(n)) * k) % n]


def matrix_product(
    left: Shaped[np.ndarray, "*batch i j phi"], right: Shaped[np.ndarray, "j k phi"], n: int
) -> Shaped[np.ndarray, "*batch i k phi"]:
    """The exact product of matrices over Z[zeta_n]; Python's integers where 64 bits may fail."""
    largest = int(np.abs(left).max()) * int(np.abs(right).max()) * left.shape[-2]
    if largest * degree(n) ** 2 * int(np.abs(powers(n)).max()) >= 2**62:
        left, right = left.astype(object), right.astype(object)
    acting = np.einsum("jkb,abc->jakc", right, multiplication(n))
    inner = acting.shape[0] * acting.shape[1]
    flat = left.reshape(*left.shape[:-2], inner) @ acting.reshape(inner, -1)
    return flat.reshape(*left.shape[:-2], right.shape[1], degree(n))


def whole_product(
    left: Int[np.ndarray, "*batch j"], right: Int[np.ndarray, "j k"]
) -> Int[np.ndarray, "*batch k"]:
    """The exact product of whole numbers, many times faster where 53 bits hold every sum."""
    bound = int(np.abs(left).max(initial=0)) * int(np.abs(right).max(initial=0)) * len(right)
    if bound >= 2**53:
        return left @ right
    flat = left.reshape(-1, len(right)).astype(float) @ right.astype(float)
    return np.rint(flat).astype(np.int64).reshape(*left.shape[:-1], -1)


def smallest_field(
    elements: Int[np.ndarray, "*batch phi"], n: int
) -> tuple[int, Int[np.ndarray, "*batch smaller"]]:
    """The least m dividing n with every element in Q(zeta_m), and the coefficients there."""
    units = [k for k in range(1, n + 1) if math.gcd(k, n) == 1]
    for m in (m for m in range(1, n) if n % m == 0):
        fixing = [k for k in units if k % m == 1 % m]
        if all(np.array_equal(elements @ galois(n, k), elements) for k in fixing):
            into = powers(n)[np.arange(degree(m)) * (n // m)]
            solved = elements.reshape(-1, degree(n)) @ np.linalg.pinv(into.astype(float))
            smaller = np.rint(solved).astype(np.int64)
            assert np.array_equal(smaller @ into, elements.reshape(-1, degree(n)))
            return m, smaller.reshape(*elements.shape[:-1], degree(m))
    return n, elements


def to_complex(elements: Int[np.ndarray, "*batch phi"], n: int) -> Complex[np.ndarray, "*batch"]:
    """The complex numbers, to rounding."""
    return np.asarray(elements @ np.exp(2j * np.pi * np.arange(degree(n)) / n))


def to_sympy(element: Int[np.ndarray, "phi"], n: int, denominator: int = 1) -> "sympy.Expr":
    """The exact number: rational, a + b zeta^k, quadratic with its root, or a sum of cosines."""
    import sympy

    if not element[1:].any():
        return sympy.Rational(int(element[0]), denominator)
    root = _multiple_of_root(element, n)
    if root is not None:
        scale, k = root
        return sympy.Rational(scale, denominator) * sympy.exp(2 * sympy.pi * sympy.I * k / n)
    units = [k for k in range(1, n) if math.gcd(k, n) == 1]
    images = {tuple((element @ galois(n, k)).tolist()) for k in units}
    if len(images) == 2:
        return _quadratic(element, n, images) / denominator
    return _trigonometric(element, n) / denominator


def _multiple_of_root(element: Integers, n: int) -> tuple[int, int] | None:
    """(c, k) with element = c zeta^k, c > 0 where that is possible."""
    scale = int(np.gcd.reduce(element))
    for sign in (1, -1):
        k = _exponents(n).get((sign * element // scale).tobytes())
        if k is not None:
            return sign * scale, k
    return None


@cache
def _exponents(n: int) -> dict[bytes, int]:
    """The k of each power zeta^k, by its coefficients."""
    return {row.tobytes(): k for k, row in enumerate(powers(n))}


def _quadratic(element: Integers, n: int, images: set[tuple[int, ...]]) -> "sympy.Expr":
    """x from its trace t and norm q: x^2 - t x + q = 0, the root nearer to the number."""
    import sympy

    first, second = (np.array(image) for image in images)
    trace = int((first + second)[0])
    norm = matrix_product(first[None, None], second[None, None], n)[0, 0]
    root = sympy.sqrt(trace**2 - 4 * int(norm[0]))
    value = complex(to_complex(element, n))
    sign = 1 if abs(complex(trace + root) / 2 - value) < 1e-6 else -1
    return sympy.Rational(trace, 2) + sign * root / 2


def _trigonometric(element: Integers, n: int) -> "sympy.Expr":
    """a + 2 b cos(2 pi k / n) where that fits, else the sum on the basis."""
    import sympy

    table = powers(n)
    if np.array_equal(element @ galois(n, n - 1), element):
        for k in range(1, n // 2 + 1):
            row = table[k] + table[-k]
            pivots = np.flatnonzero(row[1:]) + 1
            if not len(pivots):
                continue
            scale, rest = divmod(int(element[pivots[0]]), int(row[pivots[0]]))
            left = element - scale * row
            if not rest and not left[1:].any():
                return int(left[0]) + 2 * scale * sympy.cos(2 * sympy.pi * sympy.Rational(k, n))
    terms = [(int(c), 2 * sympy.pi * sympy.Rational(k, n)) for k, c in enumerate(element) if c]
    real = sum((c * sympy.cos(angle) for c, angle in terms), sympy.Integer(0))
    if np.array_equal(element @ galois(n, n - 1), element):
        return real
    return real + sympy.I * sum((c * sympy.sin(angle) for c, angle in terms), sympy.Integer(0))
