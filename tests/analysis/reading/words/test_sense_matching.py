"""Senses are matched before they are compared: a planted order is recovered."""

import pytest
import torch

from analysis.reading.words.sense_matching import match_senses, match_words, sense_logits
from analysis.reading.words.sense_use import sense_sources
from interpretable_arch.models.backpack import Backpack, BackpackConfig
from interpretable_arch.models.transformer import Transformer, TransformerConfig

VOCAB = 12


def row_model(seed: int = 0) -> Transformer:
    torch.manual_seed(seed)
    mlp = {"class_path": "row_senses", "init_args": {"senses": 4}}
    return Transformer(TransformerConfig(VOCAB, 5, 8, 1, 2, tied=True, std=0.5, mlp=mlp))


def backpack(seed: int = 0) -> Backpack:
    torch.manual_seed(seed)
    return Backpack(BackpackConfig(VOCAB, 5, 8, 1, 2, senses=4, std=0.5))


def logits(model: torch.nn.Module) -> torch.Tensor:
    everything = torch.arange(VOCAB)
    return sense_logits(sense_sources(model)[0], everything, everything)


@pytest.mark.parametrize("make", [row_model, backpack])
def test_a_planted_order_in_another_basis_is_recovered(float64, generator, make):
    model, copy = make().double(), make().double()
    symmetry = copy.symmetry()
    values = {n: p.detach() for n, p in copy.named_parameters()}
    element = symmetry.sample(generator)
    copy.load_state_dict(symmetry.act(element, values))
    name = next(i for i, f in enumerate(symmetry.factors) if f.name.endswith("senses"))
    planted = dict(element)[name][0]
    found = match_senses(logits(model), logits(copy))
    assert not torch.equal(planted, torch.arange(4))
    torch.testing.assert_close(found.order, planted.argsort())
    torch.testing.assert_close(found.agreement, torch.ones(4))


def test_by_noise_too_and_another_seed_agrees_less(float64, generator):
    first = logits(row_model().double())
    order = torch.tensor([2, 0, 3, 1])
    noisy = first[:, order] + 0.05 * torch.randn(first.shape, generator=generator)
    found = match_senses(first, noisy)
    torch.testing.assert_close(found.order, order.argsort())
    assert float(found.agreement.min()) > 0.9
    other = match_senses(first, logits(row_model(1).double()))
    assert float(other.agreement.mean()) < 0.8


def test_what_a_sense_writes_for_every_word_alike_does_not_count(float64, generator):
    first = torch.randn(7, 4, 9, generator=generator)
    order = torch.tensor([2, 0, 3, 1])
    common = 100 * torch.randn(4, 9, generator=generator)
    found = match_senses(first, first[:, order] + common)
    torch.testing.assert_close(found.order, order.argsort())
    torch.testing.assert_close(found.agreement, torch.ones(4))


def test_every_word_alone(float64, generator):
    first = torch.randn(6, 3, 9, generator=generator)
    orders = torch.stack([torch.randperm(3, generator=generator) for _ in range(6)])
    shuffled = torch.stack([-x[o] for x, o in zip(first, orders, strict=True)])
    found = match_words(first, shuffled)
    torch.testing.assert_close(found.order, orders.argsort(-1))
    torch.testing.assert_close(found.agreement, torch.ones(6, 3))


def test_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"second: wanted shape \(2, 3, 4\)"):
        match_senses(torch.ones(2, 3, 4), torch.ones(2, 2, 4))
