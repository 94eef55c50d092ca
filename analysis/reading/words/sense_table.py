"""The table of one word's meanings in one layer: weights, what each writes, what calls it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.exhibits import Table
from analysis.reading.words.sense_use import SenseSource, SenseUse
from interpretable_arch.maths.density import entropy

WORDS, CONTEXTS = 5, 3
BEFORE, AFTER = 5, 1  # tokens shown around an occurrence; four times as many characters


@dataclass(frozen=True)
class Meaning:
    """One meaning of a word, its weights in [0, 1].

    `rest`: without context, equal for all where the model has no such weight. `weight`: the mean
    over the occurrences, NaN without any. `words` are those that it writes, nearest first;
    `contexts` the occurrences that give it most weight, with that weight.
    """

    rest: float
    weight: float
    words: tuple[str, ...]
    contexts: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class SenseTable:
    """The meanings of one word in one layer, the most used first; entropies in nats."""

    word: str
    layer: str
    occurrences: int
    at_rest: float
    in_use: float
    left: float
    meanings: tuple[Meaning, ...]

    @property
    def resolved(self) -> float:
        """What the context tells about the meaning, in nats."""
        return self.in_use - self.left

    def to_table(self) -> Table:
        """The same for the terminal and the page."""
        rows = tuple(row for number, m in enumerate(self.meanings, 1) for row in _rows(number, m))
        title = (
            f"{self.word!r} in {self.layer}: {self.occurrences} occurrences, entropy "
            f"{self.at_rest:.2f} nats at rest, {self.in_use:.2f} in use, {self.left:.2f} left"
        )
        return Table(title, ("meaning", "in use", "at rest", "writes", "weight", "called by"), rows)


def _rows(number: int, meaning: Meaning) -> list[tuple[str | float, ...]]:
    """One row per context; the meaning's own cells stand in the first."""
    own = (str(number), round(meaning.weight, 3), round(meaning.rest, 3), " ".join(meaning.words))
    called = [(round(weight, 3), text) for text, weight in meaning.contexts] or [("", "")]
    empty = ("",) * len(own)
    return [(*(empty if i else own), *cells) for i, cells in enumerate(called)]


def tabulate(source: SenseSource, use: SenseUse, labels: tuple[str, ...], token: int) -> SenseTable:
    """The meanings of `token`; what it is used for is NaN without an occurrence."""
    here = use.tokens == token
    weights, found = use.weights[here], source.table(torch.tensor([token], device=here.device))
    rest, mean = found.rest[0], weights.mean(0)
    # The sign that a meaning is mostly written with; eigenvectors have none of their own.
    sign = torch.where(use.amplitudes[here].sum(0) < 0, -1.0, 1.0).to(rest.dtype)
    near = nearest_words(sign[:, None] * found.written[0], source.unembedding, labels, token)
    order = (mean if len(weights) else rest).argsort(descending=True, stable=True).tolist()
    meanings = tuple(
        Meaning(float(rest[i]), float(mean[i]), near[i], _contexts(use, labels, here, i))
        for i in order
    )
    in_use, left = float(entropy(mean)), float(entropy(weights).mean())
    at_rest = float(entropy(rest))
    name = shown(labels[token])
    return SenseTable(name, source.name, len(weights), at_rest, in_use, left, meanings)


def nearest_words(
    written: Float[Tensor, "meaning d_model"],
    unembedding: Float[Tensor, "d_model vocab"],
    labels: tuple[str, ...],
    token: int,
) -> list[tuple[str, ...]]:
    """The words other than `token` whose unembedding, less the mean of all, has the largest
    cosine with each."""
    columns = unembedding - unembedding.mean(1, keepdim=True)
    columns = columns / columns.norm(dim=0).clamp_min(torch.finfo(columns.dtype).tiny)
    near = (written @ columns).index_fill(
        1, torch.tensor([token], device=written.device), -torch.inf
    )
    best = near.topk(min(WORDS, len(labels) - 1), -1).indices.tolist()
    return [tuple(shown(labels[w]) for w in row) for row in best]


def _contexts(
    use: SenseUse, labels: tuple[str, ...], here: Tensor, meaning: int
) -> tuple[tuple[str, float], ...]:
    places, weights = here.nonzero(), use.weights[here][:, meaning]
    found: dict[str, float] = {}
    for i in weights.argsort(descending=True, stable=True).tolist():
        window, position = places[i].tolist()
        text = _around(use.tokens[window].tolist(), position, labels)
        found.setdefault(text, float(weights[i]))
        if len(found) == CONTEXTS:
            break
    return tuple(found.items())


def _around(tokens: list[int], position: int, labels: tuple[str, ...]) -> str:
    letters = max(len(label) for label in labels[1:]) == 1
    reach, gap = (4, "") if letters else (1, " ")
    before = tokens[max(0, position - BEFORE * reach) : position]
    after = tokens[position + 1 : position + 1 + AFTER * reach]
    left, right = (gap.join(shown(labels[t]) for t in part) for part in (before, after))
    return f"{left}{gap}[{shown(labels[tokens[position]])}]{gap}{right}".strip()


def shown(label: str) -> str:
    """A label on one line: line ends become a pilcrow."""
    return label.replace("\n", "\u00b6")
