"""What others fell into with sense vectors: each trap of a Backpack, checked."""

import pytest
import torch

from interpretable_arch.edits import Edit, edited
from interpretable_arch.models.backpack import Backpack, BackpackConfig


@pytest.fixture
def model(float64) -> Backpack:
    torch.manual_seed(0)
    return Backpack(
        BackpackConfig(vocab=9, context=5, d_model=6, layers=1, heads=2, senses=3, std=0.5)
    )


def test_no_norm_stands_after_the_sum(model):
    """The logits are affine in every sense's weight: tripled, it adds its part twice more."""
    tokens = torch.tensor([[3, 1, 4, 1, 5]])
    parts = model.decompose(tokens)
    with edited(model, Edit.scale("sense.1", 3.0)):
        tripled = model(tokens)
    torch.testing.assert_close(tripled, model(tokens) + 2 * parts["sense.1"].value())


def test_senses_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="senses: must divide d_model = 6, got 4"):
        BackpackConfig(vocab=9, context=5, d_model=6, heads=2, senses=4)


def test_meanings_are_made_once_for_the_vocabulary_and_looked_up(model):
    rows = []
    hook = model.senses.register_forward_hook(lambda _, args, out: rows.append(len(args[0])))
    model(torch.randint(9, (7, 5)))
    hook.remove()
    assert rows == [9]


def test_senses_permute_with_what_weighs_them(model):
    tokens = torch.tensor([[3, 1, 4, 1, 5]])
    before, order = model(tokens), torch.tensor([2, 0, 1])
    with torch.no_grad():
        for p in (model.W_Q, model.W_K, model.senses.W_out):
            p.copy_(p[:, order])
    torch.testing.assert_close(model(tokens), before)
