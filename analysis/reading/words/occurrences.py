"""Where ambiguous words of known meaning stand in a task's text, and how often a pick hits it.

A model's meanings have numbers, not names: each number stands for the known meaning that it has
most often on the *training* occurrences of its word, and is right or wrong on the held-out ones.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from training.data.side_by_side import places
from training.data.task import Stream

PIECE = 64


@dataclass(frozen=True)
class Occurrences:
    """Windows of one part; `known` [window, position] is the meaning of the word at each place.

    `counts` marks the occurrences that are judged: of ambiguous words, not at a window's start.
    """

    tokens: Int[Tensor, "window position"]
    known: Int[Tensor, "window position"]
    counts: Bool[Tensor, "window position"]

    @classmethod
    def of(cls, stream: Stream, meanings: Int[Tensor, " token"]) -> "Occurrences":
        at = torch.cat(list(places(stream, PIECE)))
        known = meanings[at]
        counts = known >= 0
        counts[:, 0] = False
        return cls(stream.tokens[at], known, counts)

    @property
    def words(self) -> Int[Tensor, " occurrence"]:
        return self.tokens[self.counts]

    @property
    def meanings(self) -> Int[Tensor, " occurrence"]:
        return self.known[self.counts]


def by_word(
    train_picks: Int[Tensor, " train"],
    train: Occurrences,
    test_picks: Int[Tensor, " test"],
    test: Occurrences,
) -> dict[int, float]:
    """The share of held-out occurrences of each word whose known meaning is hit.

    A number that no training occurrence has stands for the word's most frequent meaning.
    """
    found = {}
    for word in test.words.unique().tolist():
        own, asked = train.words == word, test.words == word
        stands_for = _majorities(train_picks[own], train.meanings[own], int(test_picks.max()))
        found[word] = float((stands_for[test_picks[asked]] == test.meanings[asked]).double().mean())
    return found


def _majorities(
    picks: Int[Tensor, " train"], meanings: Int[Tensor, " train"], largest: int
) -> Int[Tensor, " pick"]:
    if not len(picks):
        return torch.zeros(largest + 1, dtype=torch.long)
    size = max(largest, int(picks.max())) + 1
    usual = meanings.mode().values
    votes = torch.full((size,), int(usual))
    for pick in picks.unique().tolist():
        votes[pick] = meanings[picks == pick].mode().values
    return votes


def mean(shares: dict[int, float]) -> float:
    """Over words; NaN where there is none."""
    return sum(shares.values()) / len(shares) if shares else float("nan")
