"""Learning rates by hand, clipping and decay against torch's own."""

import pytest
import torch
from torch import nn

from training.experiment import Optimizer
from training.optimizers import build_optimizer, clip_by_seed, learning_rate


@pytest.mark.parametrize("factor", [1e-3, 1.0])
def test_clipping_by_seed_is_torchs_clipping_of_each_seed(factor: float) -> None:
    torch.manual_seed(0)
    shapes = [(3, 4, 2), (3, 5), (3,)]
    gradients = [factor * torch.randn(shape, dtype=torch.float64) for shape in shapes]
    expected = []
    for k in range(3):
        leaves = [nn.Parameter(torch.zeros_like(g[k])) for g in gradients]
        for leaf, gradient in zip(leaves, gradients, strict=True):
            leaf.grad = gradient[k].clone()
        nn.utils.clip_grad_norm_(leaves, max_norm=0.5)
        expected.append([leaf.grad for leaf in leaves])
    clip_by_seed(gradients, max_norm=0.5)
    for k in range(3):
        for gradient, one in zip(gradients, expected[k], strict=True):
            torch.testing.assert_close(gradient[k], one, rtol=1e-14, atol=0)


def test_a_seed_that_is_not_finite_is_clipped_alone() -> None:
    gradients = [torch.tensor([[3.0, 4.0], [torch.nan, 1.0]])]
    clip_by_seed(gradients, max_norm=1.0)
    torch.testing.assert_close(gradients[0][0], torch.tensor([0.6, 0.8]))


COSINE = [1.0, 0.1 + 0.45 * (1 + 2**-0.5), 0.55, 0.1 + 0.45 * (1 - 2**-0.5)]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", [1.0] * 4), ("cosine", COSINE), ("half", [1.0, 1.0, 1.0, 0.55])],
)
def test_schedules_by_hand(schedule: str, expected: list[float]) -> None:
    optimizer = Optimizer(lr=1.0, schedule=schedule, final_fraction=0.1)
    assert [learning_rate(optimizer, step, 4) for step in range(4)] == pytest.approx(expected)


def test_warmup_rises_linearly_to_the_rate_and_the_cosine_follows_it() -> None:
    optimizer = Optimizer(lr=2.0, warmup_steps=4, schedule="cosine")
    rates = [learning_rate(optimizer, step, 8) for step in range(9)]
    assert rates[:5] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.0])
    assert rates[6] == pytest.approx(1.0)
    assert rates[8] == pytest.approx(0.0)


@pytest.mark.parametrize("seed_axes", [0, 1])
def test_decay_acts_on_matrices_only(seed_axes: int) -> None:
    lead = (3,) * seed_axes
    matrix, vector = nn.Parameter(torch.ones(*lead, 2, 2)), nn.Parameter(torch.ones(*lead, 2))
    optimizer = build_optimizer(
        Optimizer(lr=0.1, weight_decay=0.5), [matrix, vector], seed_axes=seed_axes
    )
    matrix.grad, vector.grad = torch.zeros_like(matrix), torch.zeros_like(vector)
    optimizer.step()
    torch.testing.assert_close(matrix.detach(), torch.full_like(matrix, 0.95))
    assert (vector == 1).all()
