"""The generated language: what its text promises of its meanings, checked word by word."""

import pytest
import torch

from training.data import build_task
from training.data.planted_senses import planted_senses

SMALL = {"tokens": 4000, "context": 16}


def texts(task):
    return (
        (task.train.tokens, task.meanings.train),
        (task.held_out.tokens, task.meanings.held_out),
    )


@pytest.mark.parametrize("length", [1, 12])
def test_the_latest_mark_decides_every_meaning(length):
    task = planted_senses(length=length, **SMALL)
    for tokens, meanings in texts(task):
        topic = None
        for word, meaning in zip(tokens.tolist(), meanings.tolist(), strict=True):
            if task.labels[word].startswith("<topic"):
                topic = task.labels[word][1:-1]
            if topic is None:  # the held-out part may begin within a passage
                continue
            if word in task.meanings.names:
                assert task.meanings.names[word][meaning] == f"in {topic}"
            else:
                assert meaning == -1


def test_every_meaning_occurs_and_each_word_has_several_topics():
    task = planted_senses(**SMALL)
    assert len(task.meanings.names) == 40
    for word, names in task.meanings.names.items():
        assert len(set(names)) == 2
        found = task.meanings.train[task.train.tokens == word].unique().tolist()
        assert found == [0, 1]


def test_words_of_a_topic_stand_in_its_passages_only():
    task = planted_senses(**SMALL)
    topic = None
    for word in task.train.tokens.tolist():
        label = task.labels[word]
        if label.startswith("<topic"):
            topic = label[1:-1].replace(" ", "")
        elif label.startswith("topic"):
            assert label.split(".")[0] == topic


def test_the_language_is_a_function_of_its_seed():
    one, again, other = (planted_senses(language_seed=s, **SMALL) for s in (0, 0, 1))
    assert torch.equal(one.train.tokens, again.train.tokens)
    assert not torch.equal(one.train.tokens, other.train.tokens)


def test_it_is_known_by_its_short_name():
    assert build_task("planted_senses", SMALL).outputs == 8 + 80 + 20 + 40


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"senses": 1}, "senses: wants 2 or more, got 1"),
        ({"topics": 1}, "topics: wants 2 or more, got 1"),
        ({"ambiguous": 3}, "ambiguous: wants 4 or more, got 3"),
        ({"length": 0}, "length: wants 1 or more, got 0"),
        ({"held_out": 1.0}, "held_out: wants a share between 0 and 1, got 1.0"),
        ({"tokens": 100}, "tokens: wants more than 16 in each part, but 100 leave 10"),
    ],
)
def test_numbers_that_make_no_language_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        planted_senses(**{**SMALL, **wrong})
