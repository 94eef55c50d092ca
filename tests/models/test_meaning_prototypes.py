"""Prototypes: the transformer stays itself; views, posterior and fit against slow references."""

import pytest
import torch
from torch.nn import functional as F

from interpretable_arch.models.meaning_prototypes import (
    EXAMPLES,
    MeaningPrototypes,
    MeaningPrototypesConfig,
)
from interpretable_arch.models.transformer import Transformer, TransformerConfig


@pytest.fixture
def model(float64):
    torch.manual_seed(0)
    built = MeaningPrototypes(EXAMPLES["plain"]).double()
    built.M.normal_()
    built.middle.normal_()
    return built


TOKENS = torch.tensor([[3, 1, 4, 1, 5], [5, 0, 2, 6, 6]])


def test_it_is_the_standard_transformer_number_for_number(model):
    c = model.config
    torch.manual_seed(0)
    mlp = {"class_path": "mlp", "init_args": {"d_mlp": c.d_mlp}}
    same = Transformer(
        TransformerConfig(c.vocab, c.context, c.d_model, c.layers, c.heads, std=c.std, mlp=mlp)
    ).double()
    assert torch.equal(model(TOKENS), same(TOKENS))


def test_views_word_by_word(model):
    c, W_E = model.config, model.body.W_E - model.middle
    unembedding = model.body.unembedding().T
    left, right = model.left(TOKENS), model.right(TOKENS)
    length = c.topic * c.d_model**0.5
    for b in range(2):
        for t in range(5):
            before = TOKENS[b, max(0, t + 1 - c.window) : t + 1]
            topic = F.normalize(W_E[before].sum(0), dim=0) * length
            torch.testing.assert_close(left[b, t, 1], topic)
            after = TOKENS[b, t + 2 : t + 2 + c.window]
            if not len(after):
                assert not right[b, t].any()
                continue
            following = F.normalize(unembedding[after[0]], dim=0) * c.following * c.d_model**0.5
            torch.testing.assert_close(right[b, t, 0], following)
            topic = F.normalize(W_E[after].sum(0), dim=0) * length
            torch.testing.assert_close(right[b, t, 1], topic)
    torch.testing.assert_close(left[..., 0, :], model.body.final(TOKENS))


def test_a_pick_sees_the_left_alone(model):
    """Later words change neither the left view nor the posterior of earlier ones."""
    changed = TOKENS.clone()
    changed[:, 3:] = (changed[:, 3:] + 1) % 7
    first, second = model.posterior(TOKENS, TOKENS), model.posterior(changed, TOKENS)
    torch.testing.assert_close(first[:, :3], second[:, :3])
    assert not torch.allclose(first[:, 3:], second[:, 3:])


def test_probabilities_of_meanings_sum_to_the_words(model):
    parts = model.meanings(TOKENS)
    assert parts.quantity == "probability"
    torch.testing.assert_close(parts.total(), model(TOKENS).softmax(-1))
    for word in range(7):
        posterior = model.posterior(TOKENS, torch.full_like(TOKENS, word))
        for i, part in enumerate(parts.components):
            wanted = model(TOKENS).softmax(-1)[..., word] * posterior[..., i]
            torch.testing.assert_close(part.value()[..., word], wanted)


def test_the_fit_is_deterministic_and_leaves_the_transformer(model):
    windows = torch.randint(7, (30, 5), generator=torch.Generator().manual_seed(1))
    before = model(TOKENS)
    model.fit_meanings([windows])
    first = model.M.clone()
    model.fit_meanings(windows.split(7))
    torch.testing.assert_close(model.M, first)
    assert torch.equal(model(TOKENS), before)


def test_the_middle_is_the_mean_embedding_of_the_text(model):
    model.fit_meanings(TOKENS.split(1))
    torch.testing.assert_close(model.middle, model.body.W_E[TOKENS].mean((0, 1)))


def test_a_word_that_never_occurs_has_no_prototypes(model):
    model.fit_meanings([TOKENS])
    # Only what has a neighbour on both sides is fitted on.
    assert not model.M[:, 3].any()
    assert bool(model.M[:, 1].any())


def test_two_uses_of_a_word_are_told_apart(float64):
    """Word 0 stands between 1 and 2 or between 3 and 4: fitted, an untrained model tells which."""
    torch.manual_seed(0)
    config = MeaningPrototypesConfig(vocab=5, context=4, d_model=8, layers=1, heads=2, std=0.5)
    model = MeaningPrototypes(config).double()
    uses = torch.tensor([[1, 0, 2, 2], [3, 0, 4, 4]]).repeat(10, 1)
    model.fit_meanings([uses])
    picks = model.posterior(uses[:, :-1], uses[:, 1:])[:, 0].argmax(-1)
    assert len(picks[::2].unique()) == len(picks[1::2].unique()) == 1
    assert picks[0] != picks[1]


@pytest.mark.parametrize("name", ["senses", "window", "most"])
def test_nothing_to_fit_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}: wanted at least 1, got 0"):
        MeaningPrototypesConfig(**{"vocab": 3, "context": 2, name: 0})
