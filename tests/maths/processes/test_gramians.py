"""Gramians against all words written out, and singular values that no basis changes."""

import itertools

import torch

from interpretable_arch.maths.processes.gramians import (
    discount_of,
    growth,
    hankel_values,
    reached,
    told_apart,
)


def model() -> tuple:
    generator = torch.Generator().manual_seed(2)
    return (
        torch.randn(3, generator=generator),
        torch.randn(2, 3, 3, generator=generator),
        torch.randn(3, generator=generator),
    )


def test_growth_is_the_spectral_radius(float64) -> None:
    _, A, _ = model()
    whole = sum(torch.kron(a, a) for a in A)
    torch.testing.assert_close(growth(A), torch.linalg.eigvals(whole).abs().max())
    assert float(growth(torch.zeros(2, 3, 3))) == 0


def test_gramians_are_the_sums_over_words(float64) -> None:
    a, A, b = model()
    z = discount_of((a, A, b))
    P, Q = torch.zeros(3, 3), torch.zeros(3, 3)
    for n in range(13):
        for word in itertools.product(range(2), repeat=n):
            product = torch.eye(3)
            for x in word:
                product = product @ A[x]
            P += z**n * torch.outer(a @ product, a @ product)
            Q += z**n * torch.outer(product @ b, product @ b)
    torch.testing.assert_close(reached((a, A, b), (a, A, b), z), P, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(told_apart((a, A, b), (a, A, b), z), Q, rtol=1e-3, atol=1e-3)


def test_singular_values_are_those_of_the_hankel_matrix_in_every_basis(float64) -> None:
    a, A, b = model()
    z = discount_of((a, A, b))
    words = [w for n in range(9) for w in itertools.product(range(2), repeat=n)]

    def row(word: tuple[int, ...]) -> torch.Tensor:
        found = a
        for x in word:
            found = found @ A[x]
        return found * z ** (len(word) / 2)

    def column(word: tuple[int, ...]) -> torch.Tensor:
        found = b
        for x in reversed(word):
            found = A[x] @ found
        return found * z ** (len(word) / 2)

    H = torch.stack([row(w) for w in words]) @ torch.stack([column(w) for w in words]).T
    found = hankel_values((a, A, b))
    torch.testing.assert_close(found, torch.linalg.svdvals(H)[:3], rtol=1e-2, atol=1e-2)
    g = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0], [0.5, 0.0, 2.0]])
    moved = (a @ g, torch.linalg.inv(g) @ A @ g, torch.linalg.inv(g) @ b)
    torch.testing.assert_close(hankel_values(moved), found)
