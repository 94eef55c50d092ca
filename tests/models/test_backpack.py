"""The Backpack's logits against a slow sum over words and senses."""

import math

import pytest
import torch

from interpretable_arch.models.backpack import EXAMPLES, Backpack, BackpackConfig


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


@torch.no_grad()
def test_a_sense_weighs_by_queries_and_keys_one_pair_after_the_other(float64):
    torch.manual_seed(0)
    config = BackpackConfig(9, 4, d_model=6, layers=1, heads=2, senses=2, std=0.7)
    model = Backpack(config).double()
    row = torch.tensor([3, 1, 4, 1])
    stream = (model.W_E[row] + model.W_pos)[None]
    for block in model.blocks:
        stream = block(stream)
    x, alpha = model.ln_final(stream)[0], model.weigh(row[None])[0]
    for sense in range(2):
        W_Q, W_K = model.W_Q[:, sense], model.W_K[:, sense]
        for target in range(4):
            scores = [
                float((x[target] @ W_Q) @ (x[j] @ W_K)) / math.sqrt(3) for j in range(target + 1)
            ]
            total = sum(math.exp(s) for s in scores)
            wanted = [math.exp(s) / total for s in scores] + [0.0] * (3 - target)
            assert alpha[sense, target].tolist() == pytest.approx(wanted)


def test_the_promise_is_set_by_the_weights_of_the_senses():
    model = Backpack(EXAMPLES["plain"])
    parts = model.decompose(torch.tensor([[3, 1, 4, 1]]))
    assert (parts.exactness.tier, parts.exactness.set_by) == ("given", ("alpha",))
