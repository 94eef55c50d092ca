"""Which sense of one model is which of another's: senses permute, and streams rotate freely.

Two models are compared by what their senses write to the vocabulary, which needs no common basis:
logits [word, sense, output] over the same words and outputs, centred over outputs (a softmax does
not see their mean) and over words (what a sense writes for every word alike). The assignment of
largest summed correlation is taken (Kuhn 1955), for all words together.

Only rows permute as a whole (row senses, Backpack). Eigenvectors and singular vectors are ordered
word by word, by size: `match_words` matches those of each word alone, signs left open.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analysis.reading.words.sense_use import SenseSource


@dataclass(frozen=True, eq=False)
class SenseMatching:
    """`order[i]` is the second model's sense that is the first's sense i, `agreement[i]` their
    correlation, in [-1, 1]."""

    order: Int[Tensor, "*index sense"]
    agreement: Float[Tensor, "*index sense"]


@torch.no_grad()
def sense_logits(
    source: SenseSource, words: Int[Tensor, " word"], outputs: Int[Tensor, " output"]
) -> Float[Tensor, "word sense output"]:
    """What each sense of each word writes to each output, centred over outputs."""
    logits = source.table(words).written @ source.unembedding[:, outputs]
    return logits - logits.mean(-1, keepdim=True)


def match_senses(
    first: Float[Tensor, "word sense output"], second: Float[Tensor, "_ _ _"]
) -> SenseMatching:
    """One assignment for all words. Raises ValueError for two shapes."""
    _check(first, second)
    rows = [(x - x.mean(0)).movedim(1, 0).flatten(1) for x in (first, second)]
    return _assigned(_correlation(*rows))


def match_words(
    first: Float[Tensor, "word sense output"], second: Float[Tensor, "_ _ _"]
) -> SenseMatching:
    """One assignment a word, by the size of the correlation whatever its sign."""
    _check(first, second)
    found = [_assigned(_correlation(x, y).abs()) for x, y in zip(first, second, strict=True)]
    return SenseMatching(
        torch.stack([f.order for f in found]), torch.stack([f.agreement for f in found])
    )


def _correlation(x: Tensor, y: Tensor) -> Float[Tensor, "sense other"]:
    tiny = torch.finfo(x.dtype).tiny
    x, y = (v / v.norm(dim=-1, keepdim=True).clamp_min(tiny) for v in (x, y))
    return x @ y.mT


def _assigned(correlation: Tensor) -> SenseMatching:
    from scipy.optimize import linear_sum_assignment

    _, columns = linear_sum_assignment(correlation.cpu().numpy(), maximize=True)
    order = torch.as_tensor(columns)
    rows = torch.arange(len(order))
    return SenseMatching(order, correlation.cpu()[rows, order])


def _check(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape:
        wanted, got = tuple(first.shape), tuple(second.shape)
        raise ValueError(f"second: wanted shape {wanted}, as the first has, got {got}")
