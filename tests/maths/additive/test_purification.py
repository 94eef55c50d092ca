"""Purification: nothing of the function changes, nothing of one feature is left in a pair."""

import torch

from interpretable_arch.maths.additive.hats import hats, quantile_knots
from interpretable_arch.maths.additive.purification import (
    Parts,
    constraints,
    gauge,
    impurity,
    pair_marginals,
    pure_basis,
    purified,
)


def parts_of(x: torch.Tensor, pairs: list[list[int]], knots: int = 9, step: int = 4) -> Parts:
    fine = quantile_knots(x, knots)
    chosen = torch.tensor(pairs)
    return Parts(fine, hats(x, fine).mean(0), chosen, pair_marginals(x, fine[:, ::step], chosen))


def outputs(parts: Parts, values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The sum of all terms, written out term by term."""
    b, mains, pairs = values.split(parts.rows)
    one, coarse = hats(x, parts.knots), hats(x, parts.knots[:, :: parts.step])
    out = b + sum(one[:, i] @ v for i, v in enumerate(mains.unflatten(0, parts.knots.shape)))
    for (i, j), v in zip(parts.pairs.tolist(), pairs.split(parts.coarse**2), strict=True):
        out = out + (coarse[:, i, :, None] * coarse[:, j, None]).flatten(1) @ v
    return out


def drawn(generator: torch.Generator) -> tuple[Parts, torch.Tensor, torch.Tensor]:
    x = torch.randn(80, 4, dtype=torch.float64, generator=generator)
    x[:, 1] += x[:, 0]
    parts = parts_of(x, [[0, 1], [0, 3], [1, 2]])
    values = torch.randn(sum(parts.rows), 3, dtype=torch.float64, generator=generator)
    return parts, values, x


def test_the_function_is_unchanged_on_and_off_the_training_rows(generator):
    parts, values, x = drawn(generator)
    pure = purified(parts, values)
    assert float((pure - values).abs().max()) > 0.1
    for rows in (x, 3 * torch.randn(200, 4, dtype=torch.float64, generator=generator)):
        gap = outputs(parts, pure, rows) - outputs(parts, values, rows)
        assert float(gap.abs().max()) <= 1e-12


def test_the_pure_form_has_no_means_and_no_marginals(generator):
    parts, values, x = drawn(generator)
    pure = purified(parts, values)
    assert impurity(parts, values) > 0.1
    assert impurity(parts, pure) <= 1e-13
    again = purified(parts, pure)
    torch.testing.assert_close(again, pure, rtol=0, atol=1e-12)
    # The same by the rows themselves, for the functions of one feature.
    _, mains, _ = pure.split(parts.rows)
    means = torch.einsum("ndk,dkc->dc", hats(x, parts.knots), mains.unflatten(0, (4, 9))) / len(x)
    assert float(means.abs().max()) <= 1e-13


def test_and_of_two_even_bits_by_hand():
    # F = 1 where both are 1: intercept 1/4, each alone -+1/4, and 1/4 with the sign of a product.
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    parts = parts_of(x, [[0, 1]], knots=2, step=1)
    both = torch.tensor([0.0, 0, 0, 0, 0, 0, 0, 0, 1], dtype=torch.float64)[:, None]
    wanted = torch.tensor([1, -1, 1, -1, 1, 1, -1, -1, 1], dtype=torch.float64)[:, None] / 4
    torch.testing.assert_close(purified(parts, both), wanted, rtol=0, atol=1e-14)


def test_with_weights_a_pair_of_two_bits_by_hand():
    # Six rows: 00 twice, 01, 10, 11 twice; the prior's row puts a quarter on each cell.
    bits = [[0, 0], [0, 0], [0, 1], [1, 0], [1, 1], [1, 1]]
    parts = parts_of(torch.tensor(bits).double(), [[0, 1]], knots=2, step=1)
    weights = torch.tensor([[2.25, 1.25], [1.25, 2.25]], dtype=torch.float64) / 7
    values = torch.zeros(9, 1, dtype=torch.float64)
    values[5:, 0] = torch.tensor([3.0, -1.0, 0.5, 2.0])
    pair = purified(parts, values)[5:].view(2, 2)
    torch.testing.assert_close((weights * pair).sum(0), torch.zeros(2).double(), rtol=0, atol=1e-14)
    torch.testing.assert_close((weights * pair).sum(1), torch.zeros(2).double(), rtol=0, atol=1e-14)


def test_the_form_is_one_where_a_feature_is_a_copy_of_another(generator):
    x = torch.randn(50, 1, dtype=torch.float64, generator=generator).expand(-1, 2)
    parts = parts_of(x, [[0, 1]])
    values = torch.randn(sum(parts.rows), 1, dtype=torch.float64, generator=generator)
    moved = values + gauge(parts) @ torch.randn(
        gauge(parts).shape[1], 1, dtype=torch.float64, generator=generator
    )
    torch.testing.assert_close(purified(parts, moved), purified(parts, values), rtol=0, atol=1e-9)


def test_free_moves_and_pure_forms_make_up_everything(generator):
    parts, _, _ = drawn(generator)
    moves = gauge(parts)
    assert int(torch.linalg.matrix_rank(moves)) == moves.shape[1]
    free = 1 + sum(b.shape[1] for b in pure_basis(parts))
    assert free + moves.shape[1] == sum(parts.rows)
    assert int(torch.linalg.matrix_rank(constraints(parts) @ moves)) == moves.shape[1]
