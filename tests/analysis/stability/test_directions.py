"""Features as unit rows: cosines and correlations, the dead counted, mistakes named."""

import math

import numpy as np
import pytest
import torch

from analysis.stability.features.directions import of_activations, of_dictionary, varying


def test_inner_products_are_cosines_and_zero_rows_are_dead(generator: torch.Generator) -> None:
    rows = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    rows[2] = 0
    found = of_dictionary(rows)
    assert found.live.tolist() == [0, 1, 3, 4]
    assert (found.width, found.dead) == (5, 1)
    wanted = torch.nn.functional.cosine_similarity(rows[0], rows[4], dim=0)
    torch.testing.assert_close(found.rows[0] @ found.rows[3], wanted)


def test_inner_products_are_correlations_and_constants_are_dead(
    generator: torch.Generator,
) -> None:
    columns = torch.randn(40, 4, generator=generator, dtype=torch.float64)
    columns[:, 1] = 0.1
    found = of_activations(columns)
    assert found.live.tolist() == [0, 2, 3]
    wanted = np.corrcoef(columns[:, [0, 2, 3]].numpy().T)
    np.testing.assert_allclose((found.rows @ found.rows.T).numpy(), wanted, atol=1e-12)


def test_a_tiny_row_is_not_dead_and_loses_no_digits() -> None:
    found = of_dictionary(torch.tensor([[3e-30, 4e-30], [3e30, 4e30]]))
    assert found.dead == 0
    torch.testing.assert_close(found.rows, torch.tensor([[0.6, 0.8], [0.6, 0.8]]))


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match=r"dictionary: wanted finite numbers, got 1 .* in row 1"):
        of_dictionary(torch.tensor([[1.0, 0.0], [math.nan, 1.0]]))
    with pytest.raises(ValueError, match=r"activations: wanted finite numbers, got 2 .* in row 0"):
        of_activations(torch.full((1, 2), math.inf))
    with pytest.raises(ValueError, match="at least 2 inputs, got 1"):
        of_activations(torch.ones(1, 2))
    with pytest.raises(ValueError, match=r"wanted feature x d, got shape \(0, 3\)"):
        of_dictionary(torch.ones(0, 3))


def test_small_changes_in_half_precision_are_changes() -> None:
    x = (10 + 0.1 * torch.arange(-1.0, 2.0)[:, None].expand(3, 2)).bfloat16()
    assert varying(x).tolist() == [True, True]
    assert varying(x[:1].expand(3, 2)).tolist() == [False, False]
