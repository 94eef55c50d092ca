"""Nulls of features keep what they claim to keep and nothing more."""

import pytest
import torch

from analysis.stability.features.nulls import random_same_covariance, rotated_basis
from analysis.stability.representations.chance import permuted_rows


def normal(*shape: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_a_rotated_basis_keeps_inner_products_and_span(generator: torch.Generator) -> None:
    x = normal(10, 3, generator=generator) @ normal(3, 6, generator=generator)
    (turned,) = rotated_basis([x], generator)
    torch.testing.assert_close(turned @ turned.T, x @ x.T)
    both = torch.cat([x, turned])
    assert int(torch.linalg.matrix_rank(both)) == 3
    assert not torch.allclose(turned, x, atol=0.1)
    again, other = rotated_basis([x, x], generator)
    assert not torch.allclose(again, other, atol=0.1)


def test_random_rows_have_the_second_moments(generator: torch.Generator) -> None:
    x = normal(20_000, 4, generator=generator) @ normal(4, 4, generator=generator)
    (drawn,) = random_same_covariance([x], generator)
    wanted, got = x.T @ x / len(x), drawn.T @ drawn / len(x)
    assert float((got - wanted).norm() / wanted.norm()) < 0.05
    assert random_same_covariance([x.float()], generator)[0].dtype == torch.float32


def test_permuted_rows_are_the_same_rows(generator: torch.Generator) -> None:
    x = normal(50, 2, generator=generator)
    one, other = permuted_rows([x, x], generator)
    assert torch.equal(one.sort(0).values, x.sort(0).values)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_loses_no_dimension(dtype: torch.dtype, generator: torch.Generator) -> None:
    x = torch.randn(256, 128, generator=generator) * torch.linspace(0.2, 1, 128)
    (turned,) = rotated_basis([x.to(dtype)], generator)
    assert int(torch.linalg.matrix_rank(turned.float(), rtol=1e-2)) == 128


def test_rotations_are_drawn_evenly_over_the_orthogonal_group(generator: torch.Generator) -> None:
    """Without the sign correction QR gives -1 more often than 1 on the diagonal."""
    eye = torch.eye(3, dtype=torch.float64)
    drawn = torch.stack([rotated_basis([eye], generator)[0] for _ in range(600)])
    # Rows of the identity in a basis V of eigenvectors: the trace of V Q V^T is that of Q.
    traces = torch.einsum("nii->n", drawn)
    assert float(traces.mean()) == pytest.approx(0.0, abs=0.15)
    assert float(traces.var()) == pytest.approx(1.0, abs=0.25)
