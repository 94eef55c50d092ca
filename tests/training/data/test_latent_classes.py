"""The language of hidden classes: counts, posteriors and the exact text, by slow obvious means."""

import pytest
import torch

from training.data import build_task
from training.data.latent_classes import LatentClassTask, latent_classes

SMALL = {"classes": 3, "vocabulary": 5, "draws": 4, "exact": True, "held_out": 50}


def small(**changes) -> LatentClassTask:
    return latent_classes(**{**SMALL, **changes})


def test_the_exact_text_has_every_sentence_as_often_as_expected(float64):
    task = small()
    share, words = task.language.share, task.language.words
    expected = torch.einsum("c,cu,cw,cv->uwv", share, words, words, words)
    sentences = torch.cat([task.train.inputs, task.train.targets[:, -1:]], 1)
    number = (sentences * torch.tensor([25, 5, 1])).sum(1)
    found = torch.bincount(number, minlength=125) / len(sentences)
    torch.testing.assert_close(found.view(5, 5, 5), expected, atol=1e-14, rtol=0)


def test_the_posterior_is_bayes_rule_written_out(float64):
    task = small(words=4)
    language = task.language
    x, y = task.held_out.inputs[:3], task.held_out.targets[:3]
    found, meant = language.posterior(x), language.meaning(x, y)
    for row in range(3):
        for place in range(3):
            joint = language.share.clone()
            for word in x[row, : place + 1]:
                joint = joint * language.words[:, word]
            torch.testing.assert_close(found[row, place], joint / joint.sum())
            joint = joint * language.words[:, y[row, place]]
            torch.testing.assert_close(meant[row, place], joint / joint.sum())


def test_samples_have_the_language_s_frequencies():
    task = small(exact=False, sentences=50_000)
    expected = task.language.share @ task.language.words
    found = torch.bincount(task.train.targets.flatten(), minlength=5) / task.train.targets.numel()
    assert float((found - expected).abs().max()) < 0.01


def test_it_is_a_function_of_its_seed_and_moves_whole():
    first, second = small(exact=False, sentences=100), small(exact=False, sentences=100)
    assert torch.equal(first.train.inputs, second.train.inputs)
    other = small(exact=False, sentences=100, language_seed=1)
    assert not torch.equal(first.train.inputs, other.train.inputs)
    moved = first.to("cpu")
    assert isinstance(moved, LatentClassTask)


def test_it_is_found_by_its_name():
    task = build_task("latent_classes", {"sentences": 10, "weights": [1, 2], "classes": 2})
    assert isinstance(task, LatentClassTask)
    assert task.dimensions["vocab"] == 30


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": 0, "weights": ()}, "classes: wants 1 or more, got 0"),
        ({"words": 2}, "words: wants 3 or more, got 2"),
        ({"weights": (1, 2)}, "weights: wants 3 whole numbers"),
        ({"draws": 100}, "exact: wants at most 2000000 sentences"),
    ],
)
def test_numbers_that_make_no_language_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)
