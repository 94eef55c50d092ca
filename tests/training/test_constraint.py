"""The model's retraction acts on every seed, and a diverged seed does not stop it."""

import pytest
import torch
from toy_models import Orthogonal, OwnLoss, Pairs

from training.constraint import constrain
from training.seed_stack import SeedStack


def defect(matrix: torch.Tensor) -> float:
    return float((matrix.mT @ matrix - torch.eye(matrix.shape[-1])).norm())


def test_every_seed_is_retracted_and_nothing_else_changes() -> None:
    stack = SeedStack([OwnLoss(5, 5) for _ in range(3)])
    before = stack.seed_state(1)
    stack.constrain()
    after = stack.seed_state(1)
    torch.testing.assert_close(after["embed.weight"].norm(dim=-1), torch.ones(5))
    assert torch.equal(before["mix.weight"], after["mix.weight"])


def test_a_seed_that_is_not_finite_leaves_the_others_constrained() -> None:
    stack = SeedStack([Orthogonal(5, 5) for _ in range(3)])
    with torch.no_grad():
        stack.tree.mix[1] = torch.nan
    stack.constrain()
    mix = stack.tree.mix.detach()
    assert defect(mix[0]) < 1e-5
    assert defect(mix[2]) < 1e-5
    assert mix[1].isnan().all()


@pytest.mark.parametrize("seed_axes", [0, 1])
def test_where_nothing_is_finite_nothing_is_done(seed_axes: int) -> None:
    tree = SeedStack([Orthogonal(5, 5)] * 2).tree if seed_axes else Orthogonal(5, 5)
    with torch.no_grad():
        tree.mix.fill_(torch.inf)
    constrain(tree, seed_axes)
    assert tree.mix.isinf().all()


def test_an_error_of_finite_parameters_is_the_models_own() -> None:
    class Faulty(Pairs):
        def constrain(self, parameters: object) -> dict:
            raise RuntimeError("mistaken shapes")

    with pytest.raises(RuntimeError, match="mistaken shapes"):
        constrain(Faulty(5, 5), 0)
