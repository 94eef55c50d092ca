"""Pseudowords: two unrelated words of real text become one token, so its meanings are known.

Both as input and as target: a model sees one token where either word stood, and which word it was
is kept aside as the known meaning of that place (Gale, Church and Yarowsky 1992; Schuetze 1992).

The words of a pair are of like frequency and unrelated: they are never neighbours, and the cosine
of their vectors of positive pointwise mutual information with the words around them stays below a
stated bound. Who is paired with whom is a fixed function of `pair_seed` and the training part.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from training.data.corpus import passages
from training.data.task import Meanings, Stream, Task, split_indices
from training.data.vocabulary import Vocabulary, tokenize

AROUND = 5  # places on each side that count as a word's surroundings
SURROUNDINGS = 1000  # how many of the most frequent words they are counted over


@dataclass(frozen=True)
class PairRule:
    """Which words may be paired: counts from `least` to `most`, at most `ratio` apart, cosine at
    most `similarity`, never neighbours."""

    pairs: int
    least: int
    most: int
    ratio: float
    similarity: float
    seed: int

    def __post_init__(self) -> None:
        for name, got, wanted in (
            ("pairs", self.pairs, 1),
            ("least", self.least, 1),
            ("most", self.most, self.least),
            ("ratio", self.ratio, 1),
            ("pair_seed", self.seed, 0),
        ):
            if got < wanted:
                raise ValueError(f"{name}: wants {wanted} or more, got {got}")


def pseudowords(
    source: str = "kjv",
    pairs: int = 50,
    context: int = 64,
    held_out: float = 0.1,
    vocabulary: int | None = 3000,
    least: int = 200,
    most: int = 1500,
    ratio: float = 1.25,
    similarity: float = 0.1,
    pair_seed: int = 0,
    split_seed: int = 0,
    block: int = 512,
    column: str = "text",
    probe_windows: int = 64,
) -> Task:
    """Next-word prediction in lower case, with `pairs` of words merged into one token each.

    The running text is cut into blocks of `block` words, of which a share `held_out` is held out;
    no window spans a cut. `vocabulary` caps the number of tokens. Raises ValueError where the text
    has too few words that the rule pairs, and for options out of range.
    """
    rule = PairRule(pairs, least, most, ratio, similarity, pair_seed)
    words = tokenize("\n".join(passages(source, column)).lower(), "word")
    outside = _outside(len(words), block, context, held_out, split_seed)
    found = choose_pairs([w for w, o in zip(words, outside.tolist(), strict=True) if not o], rule)
    merged = {word: f"{a}|{b}" for a, b in found for word in (a, b)}
    which = {word: number for pair in found for number, word in enumerate(pair)}
    tokens = [merged.get(word, word) for word in words]
    meanings = torch.tensor([which.get(word, -1) for word in words])
    known = Vocabulary.of(
        (t for t, o in zip(tokens, outside.tolist(), strict=True) if not o), vocabulary
    )
    numbers = known.encode(tokens)
    return Task(
        name=f"pseudowords of {source}",
        train=_stream(numbers, ~outside, context, 1),
        held_out=_stream(numbers, outside, context, context),
        outputs=len(known),
        labels=known.tokens,
        dimensions={"vocab": len(known), "context": context, "outputs": len(known)},
        probe_size=probe_windows,
        meanings=Meanings(meanings[~outside], meanings[outside], _names(found, known)),
    )


def _names(found: Sequence[tuple[str, str]], known: Vocabulary) -> Mapping[int, tuple[str, str]]:
    names = {f"{a}|{b}": (a, b) for a, b in found}
    kept = {n: names[token] for n, token in enumerate(known.tokens) if token in names}
    if len(kept) < len(found):
        raise ValueError(
            f"vocabulary: wants room for {len(found)} pseudowords, but a size of {len(known)} "
            f"keeps {len(kept)}"
        )
    return kept


def _outside(
    length: int, block: int, context: int, held_out: float, split_seed: int
) -> Bool[Tensor, " token"]:
    """Which places are held out."""
    if not 1 <= context < block:
        raise ValueError(f"context: wants from 1 to below block = {block}, got {context}")
    blocks = -(-length // block)
    chosen = torch.zeros(blocks, dtype=torch.bool)
    chosen[split_indices(blocks, held_out, split_seed, "held_out")[0]] = True
    return chosen.repeat_interleave(block)[:length]


def _stream(
    numbers: Int[Tensor, " token"], kept: Bool[Tensor, " token"], context: int, every: int
) -> Stream:
    """The kept places joined; windows begin at every `every`-th place of a run without a gap."""
    places = kept.nonzero().squeeze(1)
    starts = torch.arange(len(places) - context)
    whole = places[starts + context] - places[starts] == context
    # A run's own places count from its start, so that its windows leave out only its last words.
    gap = torch.cat([torch.tensor([True]), places.diff() > 1])
    begun = torch.where(gap, torch.arange(len(places)), 0).cummax(0).values
    whole &= (starts - begun[: len(starts)]) % every == 0
    return Stream(numbers[kept], starts[whole], context)


def choose_pairs(words: Sequence[str], rule: PairRule) -> list[tuple[str, str]]:
    """The pairs of a running text, the same for the same rule; the more frequent word first.

    Candidates stand in an order drawn by the rule's seed; each one not yet paired takes the first
    later one that the rule allows. Raises ValueError when the rule finds too few.
    """
    counts = Counter(words)
    candidates = sorted(
        w for w, n in counts.items() if rule.least <= n <= rule.most and w.isalpha()
    )
    order = np.random.default_rng(rule.seed).permutation(len(candidates))
    drawn = [candidates[i] for i in order]
    cosine, adjacent = _likeness(words, drawn)
    size = torch.tensor([counts[w] for w in drawn], dtype=torch.float64)
    apart = torch.maximum(size[:, None], size) / torch.minimum(size[:, None], size)
    allowed = (cosine <= rule.similarity) & ~adjacent & (apart <= rule.ratio)
    allowed = allowed.triu(1)
    found, free = [], torch.ones(len(drawn), dtype=torch.bool)
    for i in range(len(drawn)):
        partners = (allowed[i] & free).nonzero().flatten().tolist() if free[i] else []
        if partners and len(found) < rule.pairs:
            free[[i, partners[0]]] = False
            first, second = sorted((i, partners[0]), key=lambda j: (-counts[drawn[j]], drawn[j]))
            found.append((drawn[first], drawn[second]))
    if len(found) < rule.pairs:
        raise ValueError(
            f"pairs: wanted {rule.pairs}, but among {len(drawn)} words of the stated counts the "
            f"rule finds {len(found)}"
        )
    return found


def _likeness(
    words: Sequence[str], drawn: Sequence[str]
) -> tuple[Float[Tensor, "word word"], Bool[Tensor, "word word"]]:
    """The cosine of surroundings of any two of `drawn`, and whether they are ever neighbours."""
    known = Vocabulary.of(words)
    text = known.encode(words)
    rows = torch.full((len(known),), -1)
    rows[known.encode(drawn)] = torch.arange(len(drawn))
    width = min(SURROUNDINGS, len(known))
    together = torch.zeros(len(drawn) * width, dtype=torch.float64)
    neighbours = torch.zeros(len(drawn) ** 2, dtype=torch.bool)
    for distance in (d for d in range(-AROUND, AROUND + 1) if d):
        here = slice(max(0, -distance), len(text) - max(0, distance))
        there = slice(max(0, distance), len(text) - max(0, -distance))
        row, near = rows[text[here]], text[there]
        pairs = (row >= 0) & (near < width)
        together += torch.bincount(row[pairs] * width + near[pairs], minlength=len(together))
        if abs(distance) == 1:
            both = (row >= 0) & (rows[near] >= 0)
            neighbours[row[both] * len(drawn) + rows[near[both]]] = True
    counts = together.view(len(drawn), width)
    expected = counts.sum(1, keepdim=True) * counts.sum(0) / counts.sum()
    information = (counts / expected.clamp_min(1e-12)).clamp_min(1).log()
    vectors = information / information.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return vectors @ vectors.T, neighbours.view(len(drawn), len(drawn))
