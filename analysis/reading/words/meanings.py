"""Does a model pick the meaning that an ambiguous word is known to have where it stands?

Every occurrence is read with what stands to its left, up to the word itself. Accuracy is the mean
over words of the share of held-out occurrences whose meaning is hit (see `occurrences`), so that
rare words count as much as frequent ones.

Beside the model's own pick ("meaning accuracy") stand, on the hidden states of a transformer: a
supervised probe as ceiling, k-means as peer, and always choosing the more frequent meaning.
"""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from analysis.reading.words.meaning_peers import peers, transformer_of
from analysis.reading.words.meaning_picks import Pick, picker
from analysis.reading.words.occurrences import PIECE, Occurrences, by_word, mean
from training.data.task import Meanings, Stream, Task


@torch.no_grad()
def read_meanings(model: nn.Module, task: Task) -> Finding | None:
    """Accuracies in [0, 1]; None where no meanings are known or the model has none to offer."""
    known = task.meanings
    if known is None or not isinstance(task.train, Stream):
        return None
    assert isinstance(task.held_out, Stream)
    pick, body = picker(model), transformer_of(model)
    if pick is None and body is None:
        return None
    train = Occurrences.of(task.train, known.train)
    test = Occurrences.of(task.held_out, known.held_out)
    figures: dict[str, float] = {}
    exhibits: tuple[Table, ...] = ()
    if pick is not None:
        chosen = tuple(_picks(pick, part) for part in (train, test))
        right = by_word(chosen[0], train, chosen[1], test)
        figures["meaning accuracy"] = mean(right)
        exhibits = (_table(right, known, test),)
    if body is not None:
        figures |= peers(body, train, test, max(map(len, known.names.values())))
    nothing = torch.zeros_like(train.words), torch.zeros_like(test.words)
    figures["majority"] = mean(by_word(nothing[0], train, nothing[1], test))
    return Finding("Meanings of ambiguous words", figures, exhibits, (_note(test, known),))


def _picks(pick: Pick, part: Occurrences) -> Int[Tensor, " occurrence"]:
    weighed = [pick(t) for t in part.tokens.split(PIECE)]
    return torch.cat(weighed)[part.counts].argmax(-1)


def _table(right: dict[int, float], known: Meanings, test: Occurrences) -> Table:
    counts = torch.bincount(test.words)
    ordered = sorted(right, key=lambda word: right[word])
    rows = tuple(
        (" or ".join(known.names[word]), float(counts[word]), right[word]) for word in ordered
    )
    return Table("Accuracy by word, lowest first", ("meanings", "held-out", "accuracy"), rows)


def _note(test: Occurrences, known: Meanings) -> str:
    return (
        f"{len(test.words)} held-out occurrences of {len(known.names)} words; what a meaning's "
        "number stands for is settled on training occurrences."
    )
