"""A table of the meanings of any word: how likely each is, what it writes, what calls it.

at rest     the weights w without context, and their entropy -sum w log w (nats); for density
            senses this is the von Neumann entropy -tr rho log rho
in use      the entropy of the mean weight over held-out occurrences
left        the mean, over occurrences, of the entropy of their weights
resolved    in use - left: what the context tells about the meaning (the mutual information of
            occurrence and meaning), at least 0
"""

from difflib import get_close_matches

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from analysis.reading.words.sense_table import SenseTable, shown, tabulate
from analysis.reading.words.sense_use import SenseSource, SenseUse, sense_sources, sense_use
from interpretable_arch.maths.density import entropy
from interpretable_arch.maths.spread import evenly
from training.data.task import Stream, Task

WINDOWS = 256  # held-out windows that are read, spread evenly
FREQUENT = 20  # occurrences in them that make a word frequent
SHOWN, TABLES = 10, 3  # frequent words that are listed, and those shown with their meanings


@torch.no_grad()
def sense_tables(model: nn.Module, task: Task, word: str) -> tuple[SenseTable, ...]:
    """The meanings of `word` in every layer that has some, in held-out text.

    Raises ValueError for a word outside the vocabulary, naming the nearest one that is in it, and
    for a model or task without meanings of words.
    """
    sources = sense_sources(model)
    if not sources or not isinstance(task.held_out, Stream):
        raise ValueError(
            "model: wanted a language model whose tokens have senses (a Backpack, or row_senses, "
            f"operator_senses or density_senses in the mlp's place), got {type(model).__name__}"
        )
    token = _number(task, word)
    windows = _windows(task.held_out, token).to(sources[0].unembedding.device)
    return tuple(tabulate(s, sense_use(s, windows), task.labels, token) for s in sources)


def sense_table(model: nn.Module, task: Task, word: str, layer: str | None = None) -> SenseTable:
    """The meanings of `word` in one layer, by default the last that has some.

    Raises ValueError as `sense_tables` does, and for a layer without senses.
    """
    found = {table.layer: table for table in sense_tables(model, task, word)}
    if layer is not None and layer not in found:
        raise ValueError(f"layer: wanted one of {', '.join(found)}, got {layer!r}")
    return found[layer] if layer is not None else list(found.values())[-1]


@torch.no_grad()
def read_senses(model: nn.Module, task: Task) -> Finding | None:
    """How ambiguous words are, and the words whose meaning the context decides most."""
    sources = sense_sources(model)
    if not sources or not isinstance(task.held_out, Stream):
        return None
    windows = _windows(task.held_out).to(sources[0].unembedding.device)
    figures, exhibits = {}, []
    for source in sources:
        found = _read(source, windows, task.labels)
        figures |= {f"{source.name}: {name}": value for name, value in found[0].items()}
        exhibits += found[1]
    return Finding("Meanings of words", figures, tuple(exhibits), (_NOTE,))


def _read(
    source: SenseSource, windows: Tensor, labels: tuple[str, ...]
) -> tuple[dict[str, float], list[Table]]:
    """Mean entropies over occurrences, and the tables of the words that stand out."""
    use, words = sense_use(source, windows), _frequent(windows)
    measured = ambiguities(source, use, words)
    counts = torch.stack([(windows == w).sum() for w in words]).to(measured.dtype)
    rest, used, left = (counts @ measured / counts.sum()).tolist()
    figures = {
        "von Neumann entropy" if source.density else "sense entropy at rest": rest,
        "sense entropy in use": used,
        "sense entropy left in context": left,
        "sense entropy resolved by context": used - left,
    }
    resolved = measured[:, 1] - measured[:, 2]
    first = resolved.argsort(descending=True, stable=True)[:SHOWN].tolist()
    tables = [tabulate(source, use, labels, int(words[i])).to_table() for i in first[:TABLES]]
    return figures, [_overview(source, labels, words, counts, measured, first), *tables]


_NOTE = (
    "Entropies are in nats, over the meanings of a word, and their means go over held-out "
    f"occurrences of words seen at least {FREQUENT} times, or of all where no word is. Resolved is "
    "the entropy in use less what is left in context: what the context tells about the meaning. "
    "Weights at rest are equal where a model has none without context."
)


def ambiguities(
    source: SenseSource, use: SenseUse, words: Int[Tensor, " word"]
) -> Float[Tensor, "word 3"]:
    """Entropies at rest, in use, and left in context, in nats; NaN in use without occurrences."""
    rest = entropy(source.table(words).rest)
    each = entropy(use.weights)
    here = [use.tokens == word for word in words]
    used = torch.stack([entropy(use.weights[h].mean(0)) for h in here])
    left = torch.stack([each[h].mean() for h in here])
    return torch.stack([rest, used, left], -1)


def _overview(
    source: SenseSource,
    labels: tuple[str, ...],
    words: Tensor,
    counts: Tensor,
    measured: Tensor,
    first: list[int],
) -> Table:
    columns = ("word", "occurrences", "at rest", "in use", "left in context", "resolved")
    rows = []
    for i in first:
        rest, used, left = measured[i].tolist()
        cells = (round(v, 3) for v in (rest, used, left, used - left))
        rows.append((shown(labels[words[i]]), float(counts[i]), *cells))
    title = f"Words whose meaning the context decides most, {source.name} (nats)"
    return Table(title, columns, tuple(rows))


def _number(task: Task, word: str) -> int:
    if word not in task.labels:
        near = get_close_matches(word, task.labels, 1, cutoff=0.0)
        hint = f"; the nearest is {near[0]!r}" if near else ""
        raise ValueError(f"word: {word!r} is not in the vocabulary of {task.name}{hint}")
    return task.labels.index(word)


def _windows(stream: Stream, token: int | None = None) -> Int[Tensor, "window position"]:
    """Up to WINDOWS held-out windows, evenly spread, all with `token` in them if it is given."""
    chosen = torch.arange(len(stream))
    if token is not None:
        chosen = (stream.take(chosen)[0] == token).any(-1).nonzero().squeeze(1)
    return stream.take(chosen[evenly(len(chosen), WINDOWS)])[0]


def _frequent(windows: Tensor) -> Int[Tensor, " word"]:
    """Words with FREQUENT occurrences or, where there are none, every word that occurs."""
    words, counts = windows.unique(return_counts=True)
    frequent = counts >= FREQUENT
    return words[frequent] if bool(frequent.any()) else words
