"""Exact irreducible characters from the class algebra modulo a prime (Burnside-Dixon).

For classes C_j with sums c_j in the group algebra, an irreducible character chi gives an algebra
map omega(c_j) = |C_j| chi(C_j) / chi(1).  The vectors (omega(c_j))_j are the common eigenvectors
of the multiplication matrices.  Here one generic combination of them is diagonalised modulo a prime
p = 1 mod e, e the group's exponent; chi(1) follows from the norm, and each value is lifted to its
exact eigenvalue multiplicities m_k in chi(g) = sum over k of m_k zeta_e^k, 0 <= m_k <= chi(1) < p.

Sources: W. Burnside, Theory of Groups of Finite Order (1911); J. D. Dixon, High speed computation
of group characters, Numer. Math. 10 (1967) 446-450.
"""

import numpy as np
from jaxtyping import Int

from interpretable_arch.maths.groups.cyclotomic import whole_product
from interpretable_arch.maths.groups.finite_groups import FiniteGroup

ATTEMPTS = 20


def eigenvalue_multiplicities(
    group: FiniteGroup,
) -> Int[np.ndarray, "irreducible class exponent"]:
    """m[rho, C, k]: how often exp(2 pi i k / exponent) is an eigenvalue of rho(g), g in C."""
    order = group.order
    for attempt in range(ATTEMPTS):
        prime = _prime(group.exponent, 4 * len(group.classes) ** 2 + 2 * order + 50, attempt)
        matrix = _generic_product(group, prime, seed=attempt)
        vectors = _eigenvectors(matrix, prime)
        if vectors is not None:
            return _lift(group, _characters(group, vectors, prime), prime)
    raise AssertionError(f"no generic class sum of {group.name} in {ATTEMPTS} attempts")


def _prime(exponent: int, least: int, skip: int) -> int:
    """The prime number `skip` + 1 that is above `least` and is 1 modulo the exponent."""
    candidate = least - least % exponent + 1
    while True:
        candidate += exponent
        if all(candidate % d for d in range(2, int(candidate**0.5) + 1)):
            if skip == 0:
                return candidate
            skip -= 1


def _generic_product(group: FiniteGroup, prime: int, seed: int) -> np.ndarray:
    """[j, k]: coefficient of c_k in (sum over i of w_i c_i) c_j, w random, modulo the prime."""
    table, inverse = group.table.numpy(), group.inverse.numpy()
    class_of = group.class_of.numpy()
    weights = np.random.default_rng(seed).integers(1, prime, len(group.classes))
    matrix = np.zeros((len(weights), len(weights)), dtype=np.int64)
    for k, members in enumerate(group.classes):
        left = table[members[0], inverse]  # z y^-1 for every y
        np.add.at(matrix[:, k], class_of, weights[class_of[left]])
    return matrix % prime


def _eigenvectors(matrix: np.ndarray, prime: int) -> np.ndarray | None:
    """All right eigenvectors [eigenvalue, class], first entry 1; None if eigenvalues coincide."""
    size = len(matrix)
    krylov = [np.random.default_rng(1).integers(1, prime, size)]
    for _ in range(size):
        krylov.append(matrix @ krylov[-1] % prime)
    annihilator = _solve(np.stack(krylov[:-1], axis=1), krylov[-1], prime)
    if annihilator is None:
        return None
    polynomial = np.append(-annihilator % prime, 1)
    points = np.arange(prime)
    roots = points[_evaluate(polynomial, points, prime) == 0]
    if len(roots) != size:
        return None
    quotients = _divide_by_roots(polynomial, roots, prime)
    vectors = quotients @ np.stack(krylov[:-1]) % prime
    if (vectors[:, 0] == 0).any():
        return None
    return vectors * _reciprocal(vectors[:, :1], prime) % prime


def _solve(matrix: np.ndarray, target: np.ndarray, prime: int) -> np.ndarray | None:
    """x with matrix x = target modulo the prime, None if the matrix is singular."""
    work = np.concatenate([matrix, target[:, None]], axis=1) % prime
    for column in range(len(matrix)):
        rows = np.flatnonzero(work[column:, column])
        if not len(rows):
            return None
        pivot = column + rows[0]
        work[[column, pivot]] = work[[pivot, column]]
        work[column] = work[column] * pow(int(work[column, column]), -1, prime) % prime
        factors = work[:, column].copy()
        factors[column] = 0
        work = (work - factors[:, None] * work[column]) % prime
    return work[:, -1]


def _evaluate(polynomial: np.ndarray, points: np.ndarray, prime: int) -> np.ndarray:
    value = np.zeros_like(points)
    for coefficient in polynomial[::-1]:
        value = (value * points + coefficient) % prime
    return value


def _divide_by_roots(polynomial: np.ndarray, roots: np.ndarray, prime: int) -> np.ndarray:
    """Row i holds the coefficients of polynomial / (x - roots[i])."""
    quotient = np.zeros((len(roots), len(polynomial) - 1), dtype=np.int64)
    carry = np.zeros(len(roots), dtype=np.int64)
    for k in range(len(polynomial) - 1, 0, -1):
        carry = (polynomial[k] + carry * roots) % prime
        quotient[:, k - 1] = carry
    return quotient


def _reciprocal(values: np.ndarray, prime: int) -> np.ndarray:
    return np.vectorize(lambda x: pow(int(x), -1, prime), otypes=[np.int64])(values)


def _characters(group: FiniteGroup, omega: np.ndarray, prime: int) -> np.ndarray:
    """chi[rho, C] modulo the prime, from chi(1)^2 sum_j omega_j omega_j' / |C_j| = |G|."""
    sizes = np.array([len(members) for members in group.classes])
    inverse_class = group.class_of.numpy()[group.inverse.numpy()[[c[0] for c in group.classes]]]
    by_size = omega * _reciprocal(sizes, prime) % prime
    norms = (by_size * omega[:, inverse_class] % prime).sum(axis=1) % prime
    squares = group.order * _reciprocal(norms, prime) % prime
    candidates = np.arange(1, int(group.order**0.5) + 1)
    matches = candidates**2 % prime == squares[:, None]
    assert (matches.sum(axis=1) == 1).all(), squares
    dimensions = candidates[matches.argmax(axis=1)]
    return by_size * dimensions[:, None] % prime


def _lift(group: FiniteGroup, chi: np.ndarray, prime: int) -> np.ndarray:
    """m_k(g) = (1/e) sum over l of chi(g^l) z^(-k l) modulo the prime, z of order e."""
    e = group.exponent
    table, class_of = group.table.numpy(), group.class_of.numpy()
    representatives = np.array([members[0] for members in group.classes])
    z = _root_of_order(e, prime)
    power_of_z = [pow(z, k, prime) for k in range(e)]
    fourier = np.array([[power_of_z[-k * s % e] for k in range(e)] for s in range(e)])
    values, power = [], np.full(len(representatives), group.identity)
    for _ in range(e):
        values.append(chi[:, class_of[power]])
        power = table[power, representatives]
    lifted = whole_product(np.stack(values, axis=-1), fourier) % prime * pow(e, -1, prime) % prime
    assert (lifted.sum(axis=-1) == lifted[:, :1, 0]).all(), lifted.sum(axis=-1)
    return lifted


def _root_of_order(order: int, prime: int) -> int:
    """An element of multiplicative order exactly `order` modulo the prime."""
    factors = [d for d in range(2, order + 1) if order % d == 0]
    for base in range(1, prime):
        z = pow(base, (prime - 1) // order, prime)
        if all(pow(z, order // d, prime) != 1 for d in factors):
            return z
    raise AssertionError(f"no element of order {order} modulo {prime}")
