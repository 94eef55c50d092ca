"""Distributions of count models against slow, obvious dictionaries; all sum to 1."""

from collections import Counter, defaultdict
from collections.abc import Callable

import pytest
import torch

from interpretable_arch.maths.contexts.context_rows import (
    NEVER,
    Rows,
    Smoothing,
    distributions,
    follow,
    rows_of,
)
from interpretable_arch.maths.contexts.ngrams import count_contexts

VOCAB, ORDER = 6, 3


@pytest.fixture
def text() -> list[int]:
    drawn = torch.randint(VOCAB - 1, (120,), generator=torch.Generator().manual_seed(1)) ** 2
    return (drawn % (VOCAB - 1)).tolist()  # the last symbol is never seen


def tables(text: list[int], smoothing: Smoothing) -> list[Rows]:
    counted = count_contexts([torch.tensor(text, dtype=torch.long)], ORDER, VOCAB)
    return [rows_of(c, VOCAB, smoothing) for c in counted]


def grams(text: list[int], k: int) -> Counter:
    return Counter(tuple(text[i : i + k + 1]) for i in range(len(text) - k))


def continuations(text: list[int], k: int) -> dict[tuple, int]:
    before = defaultdict(set)
    for i in range(1, len(text) - k):
        before[tuple(text[i : i + k + 1])].add(text[i - 1])
    return {g: max(1, len(before[g])) for g in grams(text, k)}


def chen_goodman(counts: dict[tuple, int]) -> Callable[[int], float]:
    n = [max(1, sum(c == j for c in counts.values())) for j in (1, 2, 3, 4)]
    y = n[0] / (n[0] + 2 * n[1])
    D = [j - (j + 1) * y * n[j] / n[j - 1] for j in (1, 2, 3)]
    return lambda c: 0.0 if c == 0 else min(max(D[min(c, 3) - 1], 0.05), min(c, 3))


def kneser_ney(text: list[int], context: tuple, w: int, top: bool = True) -> float:
    k = len(context)
    counts = grams(text, k) if top or k == ORDER else continuations(text, k)
    D = chen_goodman(counts)
    below = kneser_ney(text, context[1:], w, top=False) if k else 1 / VOCAB
    row = {g[-1]: c for g, c in counts.items() if g[:-1] == context}
    if not row:
        return below
    total = sum(row.values())
    rest = sum(D(c) for c in row.values()) / total
    return (row.get(w, 0) - D(row.get(w, 0))) / total + rest * below


def witten_bell(text: list[int], context: tuple, w: int) -> float:
    below = witten_bell(text, context[1:], w) if context else 1 / VOCAB
    row = {g[-1]: c for g, c in grams(text, len(context)).items() if g[:-1] == context}
    total, kinds = sum(row.values()), len(row)
    return (row.get(w, 0) + kinds * below) / (total + kinds) if row else below


REFERENCES = {"kneser_ney": kneser_ney, "witten_bell": witten_bell}


@pytest.mark.parametrize("smoothing", REFERENCES)
@pytest.mark.parametrize("written_out", [False, True])
def test_distributions_equal_those_of_dictionaries(text, smoothing, written_out):
    orders, tokens = tables(text, smoothing), torch.tensor([text[30:45], [0, 5, 1, 1, 4] * 3])
    contexts = [c.flatten() for c in follow(orders, tokens, VOCAB, written_out)]
    for k, p in enumerate(distributions(orders, contexts, VOCAB, written_out)):
        torch.testing.assert_close(p.sum(-1), torch.ones(30, dtype=torch.float64))
        assert float(p.min()) > 0
        for row, got in enumerate(p):
            batch, position = divmod(row, 15)
            if position + 1 >= k:
                context = tuple(tokens[batch, position + 1 - k : position + 1].tolist())
                wanted = [REFERENCES[smoothing](text, context, w) for w in range(VOCAB)]
                torch.testing.assert_close(got, torch.tensor(wanted, dtype=torch.float64))


def test_a_context_is_the_same_wherever_it_stands(text):
    orders = tables(text, "kneser_ney")
    whole = follow(orders, torch.tensor([text]), VOCAB)
    part = follow(orders, torch.tensor([text[50:70]]), VOCAB)
    for k, (a, b) in enumerate(zip(whole, part, strict=True)):
        assert torch.equal(a[:, 50 + k : 70], b[:, k:])
    assert bool((whole[ORDER][0, ORDER - 1 :] >= 0).all())


@pytest.mark.parametrize("written_out", [False, True])
@pytest.mark.parametrize("outside", [-100, -2, -1, VOCAB, VOCAB + 1, 2**62])
def test_a_token_outside_the_vocabulary_was_never_seen(text, outside, written_out):
    orders = tables(text, "kneser_ney")
    tokens = torch.tensor([[text[30], outside, text[31], text[32], outside]])
    found = follow(orders, tokens, VOCAB, written_out)
    alone = follow(orders, torch.tensor([text[31:33]]), VOCAB)
    for k in range(1, ORDER + 1):
        assert found[k][0, 1::3].tolist() == [NEVER, NEVER]
        seen = alone[k][0].tolist() if k < 3 else [NEVER, NEVER]
        assert found[k][0, 2:4].tolist() == seen


def test_without_a_text_everything_is_uniform():
    orders = tables([], "kneser_ney")
    contexts = [c.flatten() for c in follow(orders, torch.tensor([[1, 2, 5]]), VOCAB)]
    for p in distributions(orders, contexts, VOCAB):
        torch.testing.assert_close(p, torch.full((3, VOCAB), 1 / VOCAB, dtype=torch.float64))
