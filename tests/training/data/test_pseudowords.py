"""Pseudowords: the rule of pairs, what merging keeps, windows that span no cut."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from training.data.pseudowords import PairRule, choose_pairs, pseudowords
from training.data.side_by_side import places, side_by_side
from training.data.task import Stream
from training.data.vocabulary import tokenize

SYLLABLES = [a + b for a in "bdfgklmn" for b in ("a", "e", "i", "o", "u")]
RULE = {"pairs": 4, "least": 20, "most": 400, "similarity": 0.9, "ratio": 1.5}
OPTIONS = {**RULE, "context": 8, "block": 64, "vocabulary": None}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A text where the words of each half of the vocabulary keep to themselves."""
    draw = np.random.default_rng(0)
    lines = []
    for _ in range(600):
        half = draw.integers(2) * 20
        lines.append(" ".join(SYLLABLES[half + i] for i in draw.integers(20, size=12)))
    path = tmp_path_factory.mktemp("pseudowords") / "text.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def task(source):
    return pseudowords(source, **OPTIONS)


def words_of(source):
    with open(source, encoding="utf-8") as file:
        return tokenize(file.read(), "word")


def test_meanings_undo_the_merging(source, task):
    """Where the known meaning replaces each pseudoword, the original text stands again."""
    original = Counter(words_of(source))
    restored = Counter()
    for part, meant in (
        (task.train, task.meanings.train),
        (task.held_out, task.meanings.held_out),
    ):
        for token, meaning in zip(part.tokens.tolist(), meant.tolist(), strict=True):
            names = task.meanings.names.get(token)
            assert (names is None) == (meaning == -1)
            restored[task.labels[token] if names is None else names[meaning]] += 1
    assert restored == original


def test_neither_word_of_a_pair_is_left(task):
    parts = {w for names in task.meanings.names.values() for w in names}
    assert len(parts) == 8
    assert not parts & set(task.labels)
    assert {"|".join(n) for n in task.meanings.names.values()} <= set(task.labels)


def test_pairs_keep_the_rule_by_a_slow_count(source):
    words = words_of(source)
    counts = Counter(words)
    beside = {frozenset(p) for p in pairwise(words)}
    found = choose_pairs(words, PairRule(seed=0, **RULE))
    assert len({w for pair in found for w in pair}) == 8
    for a, b in found:
        assert 20 <= counts[b] <= counts[a] <= min(400, 1.5 * counts[b])
        assert frozenset((a, b)) not in beside
        # Words that are never neighbours here are of different halves.
        assert (SYLLABLES.index(a) < 20) != (SYLLABLES.index(b) < 20)


def test_pairs_are_a_function_of_text_and_seed(source):
    words = words_of(source)
    pairs = [choose_pairs(words, PairRule(seed=s, **RULE)) for s in (0, 0, 1)]
    assert pairs[0] == pairs[1] != pairs[2]


def test_similar_words_are_refused(source):
    with pytest.raises(ValueError, match=r"pairs: wanted 4, but among 40 words .* finds 0"):
        choose_pairs(words_of(source), PairRule(seed=0, **{**RULE, "similarity": -0.5}))


def test_windows_span_no_cut(source, task):
    """Every window is a passage of the original text."""
    names = task.meanings.names
    original = words_of(source)
    runs = {tuple(original[i : i + 9]) for i in range(len(original))}
    for part, meant in (
        (task.train, task.meanings.train),
        (task.held_out, task.meanings.held_out),
    ):
        for start in part.starts[:: max(1, len(part.starts) // 200)].tolist():
            at = range(start, start + 9)
            said = tuple(
                names[int(part.tokens[i])][int(meant[i])]
                if int(part.tokens[i]) in names
                else task.labels[int(part.tokens[i])]
                for i in at
            )
            assert said in runs


def test_too_small_a_vocabulary_is_refused(source):
    with pytest.raises(ValueError, match=r"vocabulary: wants room for 4 pseudowords, .* keeps 2"):
        pseudowords(source, **{**OPTIONS, "vocabulary": 4})


def test_a_window_longer_than_a_block_is_refused(source):
    with pytest.raises(ValueError, match="context: wants from 1 to below block = 64, got 64"):
        pseudowords(source, **{**OPTIONS, "context": 64})


@pytest.mark.parametrize("name", ["pairs", "least"])
def test_a_rule_that_means_nothing_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}: wants 1 or more, got 0"):
        PairRule(seed=0, **{**RULE, name: 0})


def test_meanings_move_with_their_task(task):
    moved = task.to("meta").meanings
    assert {moved.train.device.type, moved.held_out.device.type} == {"meta"}
    assert moved.names == task.meanings.names


def test_windows_side_by_side_read_each_word_once():
    stream = Stream(torch.arange(20), torch.tensor([0, 1, 2, 3, 4, 9, 10, 11, 14]), 3)
    assert side_by_side(stream).tolist() == [0, 3, 9, 14]
    read = torch.cat([p.flatten() for p in places(stream, 2)])
    assert len(read.unique()) == len(read) == 12
