"""The Backpack's logits against a slow sum over words and senses."""

import torch

from interpretable_arch.models.backpack import EXAMPLES, Backpack


def test_logits_are_the_weighted_sum_of_senses(float64):
    torch.manual_seed(0)
    model = Backpack(EXAMPLES["plain"]).double()
    tokens = torch.tensor([[3, 1, 4, 1], [5, 0, 2, 6]])
    alpha, meanings, logits = model.weigh(tokens), model.meanings(), model(tokens)
    torch.testing.assert_close(alpha.sum(-1), torch.ones(2, 2, 4))
    for b in range(2):
        for t in range(4):
            output = torch.zeros(model.config.d_model)
            for j in range(t + 1):
                for sense in range(model.config.senses):
                    output += alpha[b, sense, t, j] * meanings[tokens[b, j], sense]
            torch.testing.assert_close(logits[b, t], model.W_E @ output)


def test_meanings_have_no_context(float64):
    torch.manual_seed(0)
    model = Backpack(EXAMPLES["plain"]).double()
    alone = model.senses(model.W_E[3]).unflatten(-1, (2, model.config.d_model))
    torch.testing.assert_close(model.meanings()[3], alone)
