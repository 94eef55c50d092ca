import numpy as np
import pytest
import sympy

from interpretable_arch.maths.groups import cyclotomic


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 12, 30, 60, 105])
def test_cyclotomic_polynomials_equal_sympys(n: int) -> None:
    x = sympy.Symbol("x")
    wanted = sympy.Poly(sympy.cyclotomic_poly(n, x), x).all_coeffs()
    assert list(cyclotomic.cyclotomic_polynomial(n))[::-1] == wanted


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 12, 15])
def test_products_and_conjugates_agree_with_complex_numbers(n: int) -> None:
    rng = np.random.default_rng(n)
    phi = cyclotomic.degree(n)
    left, right = rng.integers(-9, 9, (4, 2, 3, phi)), rng.integers(-9, 9, (3, 2, phi))
    found = cyclotomic.to_complex(cyclotomic.matrix_product(left, right, n), n)
    wanted = cyclotomic.to_complex(left, n) @ cyclotomic.to_complex(right, n)
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    conjugate = cyclotomic.to_complex(left @ cyclotomic.galois(n, max(n - 1, 1)), n)
    np.testing.assert_allclose(conjugate, cyclotomic.to_complex(left, n).conj(), atol=1e-9)


def test_a_product_too_large_for_64_bits_is_still_exact() -> None:
    large = np.full((1, 1, 2), 2**40, dtype=np.int64)
    found = cyclotomic.matrix_product(large, large, 3)
    assert found[0, 0].tolist() == [0, 2**80]  # (1 + zeta)^2 = zeta


@pytest.mark.parametrize("n", [1, 3, 4, 5, 7, 8, 9, 12, 15, 20])
def test_sympy_values_equal_the_numbers(n: int) -> None:
    rng = np.random.default_rng(n)
    phi = cyclotomic.degree(n)
    samples = [*rng.integers(-3, 4, (6, phi)), *cyclotomic.powers(n)[:4]]
    symmetric = [x + x @ cyclotomic.galois(n, max(n - 1, 1)) for x in samples]
    for element in [*samples, *symmetric]:
        value = complex(sympy.N(cyclotomic.to_sympy(element, n, 6), 20))
        assert abs(value - complex(cyclotomic.to_complex(element, n)) / 6) < 1e-12


def test_quadratic_numbers_are_written_with_their_root() -> None:
    golden = cyclotomic.powers(5)[1] + cyclotomic.powers(5)[4]
    assert cyclotomic.to_sympy(golden, 5) == (sympy.sqrt(5) - 1) / 2
    seven = sum(cyclotomic.powers(7)[k] for k in (1, 2, 4))
    assert cyclotomic.to_sympy(seven, 7) == (-1 + sympy.sqrt(7) * sympy.I) / 2
    assert cyclotomic.to_sympy(-cyclotomic.powers(4)[1], 4, 3) == -sympy.I / 3


def test_the_smallest_field_is_found_and_keeps_the_numbers() -> None:
    inside = cyclotomic.powers(60)[[0, 12, 24]] * 5
    n, smaller = cyclotomic.smallest_field(inside, 60)
    assert n == 5
    np.testing.assert_allclose(
        cyclotomic.to_complex(smaller, n), cyclotomic.to_complex(inside, 60), atol=1e-12
    )


def test_galois_refuses_a_number_that_is_no_unit() -> None:
    with pytest.raises(ValueError, match="coprime to 12, got 4"):
        cyclotomic.galois(12, 4)
