"""Quadratic forms of products: eigenfeatures give them back; only the symmetric part acts."""

import math

import pytest
import torch

from interpretable_arch.maths.quadratic import (
    Eigenfeatures,
    effective_rank,
    eigenfeatures,
    interaction,
)


def products(d: int, count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    return torch.randn(d, count), torch.randn(d, count), torch.randn(count)


def by_hand(left, right, coefficients, x):
    """One product after the other."""
    out = torch.zeros(len(x))
    for h, c in enumerate(coefficients):
        out = out + c * (x @ left[:, h]) * (x @ right[:, h])
    return out


def projector(found: Eigenfeatures, chosen: torch.Tensor) -> torch.Tensor:
    return found.vectors[chosen].T @ found.vectors[chosen]


@pytest.mark.parametrize(("d", "count"), [(4, 7), (9, 4), (9, 5), (20, 3)])
def test_interaction_and_eigenfeatures_are_the_form(float64, d, count):
    left, right, c = products(d, count)
    x = torch.randn(11, d)
    wanted = by_hand(left, right, c, x)
    q, found = interaction(left, right, c), eigenfeatures(left, right, c)
    torch.testing.assert_close(q, q.T, rtol=0, atol=0)
    torch.testing.assert_close(torch.einsum("nd,de,ne->n", x, q, x), wanted)
    torch.testing.assert_close(found.form(x), wanted)
    assert len(found.values) == min(d, 2 * count)
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(len(found.values)))
    assert (found.values.abs().diff() <= 0).all()


def test_the_thin_path_has_the_eigenvalues_of_the_whole_matrix(float64):
    left, right, c = products(30, 4)
    whole = torch.linalg.eigvalsh(interaction(left, right, c))
    wanted = whole[whole.abs().argsort(descending=True)][:8]
    torch.testing.assert_close(eigenfeatures(left, right, c).values, wanted)
    assert int((whole.abs() > 1e-10).sum()) == 8


def test_one_product_by_hand(float64):
    # (3 x0)(x1) = 3 [(x0 + x1)^2 - (x0 - x1)^2] / 4: eigenvalues 3/2 and -3/2.
    left, right = torch.tensor([[3.0], [0.0]]), torch.tensor([[0.0], [1.0]])
    found = eigenfeatures(left, right, torch.ones(1))
    torch.testing.assert_close(found.values.sort().values, torch.tensor([-1.5, 1.5]))
    assert found.effective_rank() == pytest.approx(2)


def test_trap_eigh_without_symmetrising_answers_for_another_form(float64):
    left, right, c = products(5, 6)
    raw = torch.einsum("dh,h,eh->de", left, c, right)
    x = torch.randn(11, 5)
    wanted = by_hand(left, right, c, x)
    torch.testing.assert_close(torch.einsum("nd,de,ne->n", x, raw, x), wanted)
    values, vectors = torch.linalg.eigh(raw)  # reads one triangle only
    wrong = (x @ vectors).square() @ values
    assert float((wrong - wanted).norm() / wanted.norm()) > 0.1
    torch.testing.assert_close(eigenfeatures(left, right, c).form(x), wanted)


def test_trap_equal_eigenvalues_fix_a_subspace_and_no_vector(float64):
    # Q = I_3 (+) diag(-1, -1) written in two ways: the vectors differ, the subspaces do not.
    torch.manual_seed(0)
    signs = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0])
    turn = torch.block_diag(*(torch.linalg.qr(torch.randn(n, n)).Q for n in (3, 2)))
    one = eigenfeatures(torch.eye(5), torch.eye(5), signs)
    other = eigenfeatures(turn, turn, signs)
    torch.testing.assert_close(one.values.sort().values, other.values.sort().values)
    overlap = (one.vectors @ other.vectors.T).abs()
    assert float((overlap.max(1).values - 1).abs().max()) > 1e-3
    for sign in (1, -1):
        mine, theirs = one.values * sign > 0, other.values * sign > 0
        torch.testing.assert_close(projector(one, mine), projector(other, theirs))


def test_trap_the_sign_of_an_eigenvector_is_free(float64):
    left, right, c = products(6, 3)
    found, x = eigenfeatures(left, right, c), torch.randn(4, 6)
    flipped = Eigenfeatures(found.values, -found.vectors)
    torch.testing.assert_close(flipped.form(x), found.form(x))


def test_effective_rank_counts_equal_values_and_ignores_sign_and_scale(float64):
    assert effective_rank(torch.tensor([2.0, -2.0, 2.0, 0.0])) == pytest.approx(3)
    assert effective_rank(torch.tensor([5.0, 0.0])) == pytest.approx(1)
    assert effective_rank(torch.zeros(3)) == 0.0
    share = torch.tensor([0.75, 0.25])
    wanted = math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert effective_rank(7 * share) == pytest.approx(wanted)


def test_keeping_the_largest_is_the_closest_form_of_its_rank(float64):
    found = eigenfeatures(*products(8, 10))
    kept = Eigenfeatures(found.values[:3], found.vectors[:3])
    x = torch.randn(5, 8)
    torch.testing.assert_close(found.form(x, 3), kept.form(x))
