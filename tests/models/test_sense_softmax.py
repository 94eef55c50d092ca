"""The sense softmax against a slow sum over words and meanings; its loss; what it tells apart."""

import pytest
import torch

from interpretable_arch.models.sense_softmax import (
    EXAMPLES,
    IGNORED,
    SenseSoftmax,
    SenseSoftmaxConfig,
)


@pytest.fixture
def model(float64):
    torch.manual_seed(0)
    return SenseSoftmax(EXAMPLES["plain"]).double()


TOKENS = torch.tensor([[3, 1, 4, 1], [5, 0, 2, 6]])


def slow_joint(model, tokens):
    """p(w, l | left), one exponential at a time: [batch, position, sense, vocab]."""
    state, c = model.state(tokens), model.config
    joint = torch.zeros(*tokens.shape, c.senses, c.vocab)
    for b, t in torch.cartesian_prod(*map(torch.arange, tokens.shape)).tolist():
        for sense in range(c.senses):
            for word in range(c.vocab):
                joint[b, t, sense, word] = (state[b, t] @ model.D[sense, word]).exp()
    return joint / joint.sum((-2, -1), keepdim=True)


def test_probabilities_are_sums_over_meanings(model):
    joint, parts = slow_joint(model, TOKENS), model.meanings(TOKENS)
    torch.testing.assert_close(model(TOKENS).softmax(-1), joint.sum(-2))
    torch.testing.assert_close(parts.total(), joint.sum(-2))
    assert parts.quantity == "probability"
    for i, part in enumerate(parts.components):
        torch.testing.assert_close(part.value(), joint[..., i, :])


def test_the_posterior_is_the_share_of_each_meaning(model):
    words = torch.tensor([[1, 4, 1, 6], [0, 2, 6, 3]])
    chosen = slow_joint(model, TOKENS).gather(-1, words[..., None, None].expand(2, 4, 3, 1))[..., 0]
    torch.testing.assert_close(model.posterior(TOKENS, words), chosen / chosen.sum(-1, True))


def test_the_loss_is_the_cross_entropy_of_forward(model):
    targets = torch.tensor([[1, 4, IGNORED, 6], [0, IGNORED, 6, 3]])
    wanted = torch.nn.functional.cross_entropy(
        model(TOKENS).flatten(0, 1), targets.flatten(), ignore_index=IGNORED
    )
    torch.testing.assert_close(model.loss(TOKENS, targets), wanted)


def test_parts_hold_one_entropy_and_no_meaning_twice(model):
    parts = model.decompose(TOKENS)
    assert parts.names == ("sense.0", "sense.1", "sense.2", "ambiguity")
    ambiguity = parts["ambiguity"].value()
    assert bool((ambiguity >= 0).all())
    assert bool((ambiguity <= torch.tensor(3.0).log() + 1e-12).all())


def test_two_uses_of_a_word_get_a_vector_each(generator):
    """Word 2 follows word 0 and word 1, which lead to different ends: its meanings part."""
    torch.manual_seed(0)
    model = SenseSoftmax(SenseSoftmaxConfig(vocab=3, context=1, d_model=8, layers=1, heads=2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    left, word = torch.tensor([[0], [1]]), torch.tensor([[2], [2]])
    other = torch.tensor([[0], [1]])
    for _ in range(150):
        optimizer.zero_grad()
        (model.loss(left, word) + model.loss(left, other)).backward()
        optimizer.step()
    picks = model.posterior(left, word).argmax(-1).flatten()
    assert picks[0] != picks[1]


@pytest.mark.parametrize("name", ["vocab", "senses"])
def test_nothing_to_choose_from_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}: wanted at least 1, got 0"):
        SenseSoftmaxConfig(**{"vocab": 3, "context": 2, name: 0})


def test_too_long_a_text_is_refused(model):
    with pytest.raises(ValueError, match="tokens: wanted at most 5 positions, got 6"):
        model(torch.zeros(1, 6, dtype=torch.long))
