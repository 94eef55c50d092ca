"""Density matrices from their factors: entropy, eigenvectors, measurement, what can't be told."""

import math

import pytest
import torch

from interpretable_arch.maths.density import (
    density,
    eigenmeanings,
    entropy,
    measure,
    shares,
    von_neumann_entropy,
)


@pytest.fixture
def A(float64, generator) -> torch.Tensor:
    return torch.randn(7, 3, 5, generator=generator)


def complex_rows(generator) -> torch.Tensor:
    return torch.randn(7, 3, 5, generator=generator, dtype=torch.complex128)


def test_eigenmeanings_rebuild_rho_and_are_orthonormal(A):
    found, rho = eigenmeanings(A), density(A)
    rebuilt = torch.einsum(
        "...i,...id,...ie->...de", found.probabilities, found.vectors, found.vectors
    )
    torch.testing.assert_close(rebuilt, rho)
    torch.testing.assert_close(found.vectors @ found.vectors.mT, torch.eye(3).expand(7, 3, 3))
    assert (found.probabilities.diff(dim=-1) <= 0).all()
    torch.testing.assert_close(found.probabilities.sum(-1), torch.ones(7))


def test_complex_rows_too(float64, generator):
    A = complex_rows(generator)
    found, rho = eigenmeanings(A), density(A)
    rows = found.probabilities.to(A.dtype), found.vectors.conj(), found.vectors
    torch.testing.assert_close(torch.einsum("...i,...id,...ie->...de", *rows), rho)
    torch.testing.assert_close(von_neumann_entropy(rho), entropy(found.probabilities))
    unit = (found.mixing.mT @ A) / (found.mixing.mT @ A).norm(dim=-1, keepdim=True)
    torch.testing.assert_close(unit, found.vectors)


def test_entropy_by_hand_and_from_the_eigenvalues(A):
    slow = entropy(eigenmeanings(A).probabilities)
    torch.testing.assert_close(von_neumann_entropy(density(A)), slow)
    assert float(von_neumann_entropy(torch.eye(4) / 4)) == pytest.approx(math.log(4))
    assert float(von_neumann_entropy(torch.diag(torch.tensor([1.0, 0.0])))) == pytest.approx(0.0)
    halves = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert float(entropy(torch.tensor([0.25, 0.75, 0.0]))) == pytest.approx(halves)


def test_a_rotation_of_the_labels_can_not_be_told_apart(A, generator):
    U = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q
    first, second = eigenmeanings(A), eigenmeanings(U @ A)
    torch.testing.assert_close(density(U @ A), density(A))
    torch.testing.assert_close(second.probabilities, first.probabilities)
    torch.testing.assert_close(second.vectors, first.vectors)
    assert not torch.allclose(U @ A, A)


def test_two_words_that_are_not_orthogonal_have_other_meanings_than_their_own(float64):
    """One of the decompositions of the same rho: known vectors are not its eigenvectors."""
    A = torch.tensor([[1.0, 0.0], [math.cos(1.0), math.sin(1.0)]])
    vectors = eigenmeanings(A).vectors
    assert float((vectors @ A.T).abs().max()) < 0.9
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(2))


def test_equal_eigenvalues_leave_the_subspace(float64):
    """Only the projector is defined there."""
    turned = torch.tensor([[math.cos(0.4), math.sin(0.4)], [-math.sin(0.4), math.cos(0.4)]])
    for A in (torch.eye(2), turned):
        vectors = eigenmeanings(A).vectors
        torch.testing.assert_close(vectors.T @ vectors, torch.eye(2))
        torch.testing.assert_close(eigenmeanings(A).probabilities, torch.tensor([0.5, 0.5]))


def test_a_measured_line_leaves_each_meaning_its_share_by_bayes_rule(A, generator):
    q = torch.randn(7, 5, generator=generator)
    found, rho = eigenmeanings(A), density(A)
    p = found.probabilities * torch.einsum("nid,nd->ni", found.vectors, q).square()
    values, vectors = torch.linalg.eigh(rho)
    root = vectors @ torch.diag_embed(values.clamp_min(0).sqrt()) @ vectors.mT
    line = torch.einsum("nd,ne->nde", q, q) / q.square().sum(-1)[:, None, None]
    after, chance = measure(line, root)
    on_meanings = torch.einsum("nid,nde,nie->ni", found.vectors, after, found.vectors)
    torch.testing.assert_close(on_meanings, p / p.sum(-1, keepdim=True))
    wanted = torch.einsum("nd,nde,ne->n", q, rho, q) / q.square().sum(-1)
    torch.testing.assert_close(chance, wanted)


def test_a_measurement_leaves_a_state(A, generator):
    M = torch.randn(7, 5, 5, generator=generator)
    after, _ = measure(density(A), M)
    torch.testing.assert_close(torch.einsum("nii->n", after), torch.ones(7))
    assert float(torch.linalg.eigvalsh(after).min()) > -1e-12
    line = torch.diag(torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0]))
    torch.testing.assert_close(measure(density(A)[0], line)[0], line)


def test_nothing_to_share_is_shared_alike(float64):
    torch.testing.assert_close(shares(torch.zeros(2, 4)), torch.full((2, 4), 0.25))
    found = eigenmeanings(torch.zeros(2, 3))
    torch.testing.assert_close(found.probabilities, torch.full((2,), 0.5))
    assert torch.isfinite(found.vectors).all()
