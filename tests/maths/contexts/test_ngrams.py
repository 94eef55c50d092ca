"""Counts of contexts against a dictionary, and what is kept aside."""

from collections import Counter, defaultdict

import pytest
import torch

from interpretable_arch.maths.contexts.ngrams import count_contexts, discounts, kept_aside, without


def drawn(*lengths: int, vocab: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(vocab, (n,), generator=generator) for n in lengths]


def spelled(texts: list[torch.Tensor], order: int, vocab: int) -> list[dict[tuple, tuple]]:
    """Per order, {symbols of context and follower: (count, continuations)}, by following ranks."""
    found, names = [], {0: ()}
    for counts in count_contexts(texts, order, vocab):
        pairs = [(*names[int(key) // vocab], int(key) % vocab) for key in counts.keys]
        assert counts.contexts == len(names)
        values = zip(counts.counts.tolist(), counts.continuations.tolist(), strict=True)
        found.append(dict(zip(pairs, values, strict=True)))
        names = dict(enumerate(pairs))
    return found


def test_counts_of_a_word_by_hand():
    letters = {"a": 0, "b": 1, "n": 2}
    banana = torch.tensor([letters[c] for c in "banana"])
    found = spelled([banana], 2, 3)
    a, b, n = 0, 1, 2
    assert found[0] == {(a,): (3, 2), (b,): (1, 1), (n,): (2, 1)}
    assert found[1] == {(a, n): (2, 2), (b, a): (1, 1), (n, a): (2, 1)}
    assert found[2] == {(b, a, n): (1, 1), (a, n, a): (2, 2), (n, a, n): (1, 1)}


@pytest.mark.parametrize("vocab", [2, 4, 1_000_000])
def test_counts_equal_those_of_a_dictionary(vocab):
    texts = drawn(70, 1, 40, vocab=min(vocab, 5))
    order = 4
    for k, found in enumerate(spelled(texts, order, vocab if vocab > 5 else 5)):
        grams = Counter(tuple(t[i : i + k + 1].tolist()) for t in texts for i in range(len(t) - k))
        before = defaultdict(set)
        for t in texts:
            for i in range(1, len(t) - k):
                before[tuple(t[i : i + k + 1].tolist())].add(int(t[i - 1]))
        assert {g: c for g, (c, _) in found.items()} == grams
        kinds = {g: max(1, len(before[g])) if k < order else grams[g] for g in grams}
        assert {g: c for g, (_, c) in found.items()} == kinds


def test_discounts_are_those_of_chen_and_goodman():
    counts = torch.tensor([1] * 8 + [2] * 4 + [3] * 2 + [4] * 1 + [9] * 5)
    y = 8 / (8 + 2 * 4)
    wanted = [1 - 2 * y * 4 / 8, 2 - 3 * y * 2 / 4, 3 - 4 * y * 1 / 2]
    torch.testing.assert_close(discounts(counts), torch.tensor(wanted, dtype=torch.float64))


def test_discounts_always_leave_some_mass():
    for counts in ([], [1], [3, 3, 3], [1, 2, 2, 2, 3, 4, 4, 4, 4]):
        found = discounts(torch.tensor(counts, dtype=torch.long))
        assert bool((found > 0).all())
        assert bool((found <= torch.tensor([1.0, 2.0, 3.0])).all())


def test_every_symbol_is_kept_aside_once_and_the_rest_is_stretches():
    texts = drawn(50, 23, vocab=9)
    aside = [kept_aside(texts, 4, 5, part) for part in range(4)]
    for i, text in enumerate(texts):
        assert torch.stack([a[i] for a in aside]).sum(0).tolist() == [1] * len(text)
        for a in aside:
            assert torch.equal(torch.cat(without(text, a[i])), text[~a[i]])
    assert without(texts[0], torch.ones(50, dtype=torch.bool)) == ()


def test_short_texts_are_kept_aside_as_seldom_as_one_long_one():
    texts = drawn(*[25] * 40, vocab=3)
    aside = kept_aside(texts, 20, 50, 3)
    (joined,) = kept_aside([torch.cat(texts)], 20, 50, 3)
    assert torch.equal(torch.cat(aside), joined)
    assert [len(a) for a in aside] == [25] * 40
    assert int(joined.sum()) == 1000 // 20


def test_nothing_kept_aside_or_nothing_counted_is_refused_with_the_numbers():
    with pytest.raises(ValueError, match=r"texts: wanted 2 symbols, .* got 0"):
        kept_aside([], 4, 5, 0)
    with pytest.raises(ValueError, match=r"texts: wanted 2 symbols, .* got 1"):
        kept_aside(drawn(1, 0, vocab=3), 4, 5, 0)
    with pytest.raises(ValueError, match=r"parts: wanted 2 to 12, .* got 20"):
        kept_aside(drawn(12, vocab=3), 20, 5, 15)
    with pytest.raises(ValueError, match=r"parts: wanted 2 to 12, .* got 1"):
        kept_aside(drawn(12, vocab=3), 1, 5, 0)


def test_blocks_are_shorter_where_there_are_too_few_symbols():
    (aside,) = kept_aside(drawn(12, vocab=3), 4, 128, 1)
    assert aside.nonzero().squeeze(1).tolist() == [3, 4, 5]
