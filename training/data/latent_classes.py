"""A generated language of hidden classes: each sentence has one, which draws its words.

    c ~ pi,    w_1, ..., w_n ~ p(.|c)

Each class has a list of `draws` words, drawn from the vocabulary with repeats, and p(w|c) is the
share of w in it; pi is in the ratio of the whole numbers `weights`. Words that several classes have
are ambiguous, and what they mean is the class. Everything is known exactly (`LatentLanguage`):
p(c | words) and the probability of the next word.

With `exact` every sentence stands in the training text exactly as often as expected: for each class
weights[c] times all draws^n sentences, so that counts are moments without any noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from training.data.task import Split, Task

MOST = 2_000_000  # sentences of an exact text


@dataclass(frozen=True, eq=False)
class LatentLanguage:
    """pi [class] and p(w|c) [class, vocab], float64."""

    share: Float[Tensor, " class"]
    words: Float[Tensor, "class vocab"]

    def posterior(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position class"]:
        """p(c | the sentence up to each position)."""
        scores = self.words.log().T[tokens].cumsum(-2) + self.share.log()
        return scores.softmax(-1)

    def meaning(
        self, tokens: Int[Tensor, "*batch position"], words: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position class"]:
        """p(c | the sentence up to each position, then `words`)."""
        joint = self.posterior(tokens) * self.words.T[words]
        return joint / joint.sum(-1, keepdim=True)

    def to(self, device: torch.device | str) -> "LatentLanguage":
        """The same on `device`."""
        return LatentLanguage(self.share.to(device), self.words.to(device))


@dataclass(frozen=True, eq=False)
class LatentClassTask(Task):
    """Sentences as examples, with the language that made them."""

    train: Split
    held_out: Split
    language: LatentLanguage = field(kw_only=True)

    def to(self, device: torch.device | str) -> "LatentClassTask":
        """The same task with its tensors on `device`."""
        moved = super().to(device)
        assert isinstance(moved, LatentClassTask)
        return replace(moved, language=self.language.to(device))


def latent_classes(
    classes: int = 5,
    vocabulary: int = 30,
    draws: int = 20,
    words: int = 3,
    sentences: int = 300_000,
    weights: tuple[int, ...] | None = None,
    exact: bool = False,
    held_out: int = 4096,
    language_seed: int = 0,
) -> LatentClassTask:
    """Next-word prediction in sentences of `words` words; `held_out` others are drawn beside them.

    `weights` are by default 2, 3, ..., classes + 1. With `exact`, `sentences` is not used. Raises
    ValueError for numbers that make no language, and for an exact text that would be too long.
    """
    weights = tuple(range(2, classes + 2)) if weights is None else weights
    _check(classes, vocabulary, draws, words, sentences, weights, held_out)
    lists = _lists(classes, vocabulary, draws, language_seed)
    draw = np.random.default_rng((language_seed, 1))
    test = _sample(draw, lists, weights, held_out, words)
    train = (
        _all(lists, weights, words) if exact else _sample(draw, lists, weights, sentences, words)
    )
    counts = np.stack([np.bincount(row, minlength=vocabulary) for row in lists])
    share = torch.tensor(weights, dtype=torch.float64)
    return LatentClassTask(
        name=f"{classes} hidden classes, {'exact counts' if exact else f'{sentences} sentences'}",
        train=Split(train[:, :-1], train[:, 1:]),
        held_out=Split(test[:, :-1], test[:, 1:]),
        outputs=vocabulary,
        labels=tuple(f"word{i}" for i in range(vocabulary)),
        dimensions={"vocab": vocabulary, "context": words - 1, "outputs": vocabulary},
        language=LatentLanguage(share / share.sum(), torch.from_numpy(counts / draws)),
    )


def _lists(classes: int, vocabulary: int, draws: int, seed: int) -> np.ndarray:
    """The words of each class [class, draw], repeats kept."""
    return np.random.default_rng(seed).integers(vocabulary, size=(classes, draws))


def _sample(
    draw: np.random.Generator, lists: np.ndarray, weights: Sequence[int], count: int, words: int
) -> Int[Tensor, "sentence word"]:
    share = np.array(weights) / sum(weights)
    chosen = draw.choice(len(lists), size=(count, 1), p=share)
    return torch.from_numpy(lists[chosen, draw.integers(lists.shape[1], size=(count, words))])


def _all(lists: np.ndarray, weights: Sequence[int], words: int) -> Int[Tensor, "sentence word"]:
    draws = lists.shape[1]
    length = sum(weights) * draws**words
    if length > MOST:
        raise ValueError(f"exact: wants at most {MOST} sentences, but these numbers make {length}")
    places = np.indices((draws,) * words).reshape(words, -1).T
    found = [np.tile(row[places], (w, 1)) for row, w in zip(lists, weights, strict=True)]
    return torch.from_numpy(np.concatenate(found))


def _check(
    classes: int,
    vocabulary: int,
    draws: int,
    words: int,
    sentences: int,
    weights: Sequence[int],
    held_out: int,
) -> None:
    least = {
        "classes": (classes, 1),
        "vocabulary": (vocabulary, 2),
        "draws": (draws, 1),
        "words": (words, 3),
        "sentences": (sentences, 1),
        "held_out": (held_out, 1),
    }
    for name, (got, wanted) in least.items():
        if got < wanted:
            raise ValueError(f"{name}: wants {wanted} or more, got {got}")
    if len(weights) != classes or min(weights) < 1:
        raise ValueError(f"weights: wants {classes} whole numbers from 1 up, got {list(weights)}")
