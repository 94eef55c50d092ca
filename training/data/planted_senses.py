"""A generated language whose ambiguous words have a known meaning at every place.

The text is a row of passages. A passage opens with the mark of its topic and goes on with `length`
words, each one drawn from the topic's own words, from filler words common to all topics, or from
the ambiguous words that have a meaning in this topic. Each ambiguous word has `senses` meanings,
each in a topic of its own, so that what stands to the left decides the meaning and nothing else
does. With `length` 1 the deciding word is the neighbour; with longer passages it is the topic.
"""

from collections.abc import Mapping

import numpy as np
import torch

from training.data.task import Meanings, Stream, Task

AMBIGUOUS, OWN = 0.3, 0.4  # shares of the words of a passage; the rest is filler


def planted_senses(
    topics: int = 8,
    ambiguous: int = 40,
    senses: int = 2,
    own: int = 10,
    fillers: int = 20,
    length: int = 12,
    context: int = 32,
    tokens: int = 200_000,
    held_out: float = 0.1,
    language_seed: int = 0,
    probe_windows: int = 64,
) -> Task:
    """Next-word prediction on the generated text; its last share `held_out` is held out.

    `own` counts the words of each topic. Raises ValueError for numbers that make no language, and
    for a text too short for its windows.
    """
    _check(topics, ambiguous, senses, own, fillers, length, context, held_out, tokens)
    draw = np.random.default_rng(language_seed)
    topic_of = _meanings(draw, topics, ambiguous, senses)
    labels = _labels(topics, ambiguous, own, fillers)
    text, meant = _write(draw, topic_of, topics, own, fillers, length, tokens)
    cut = tokens - round(held_out * tokens)
    parts = text[:cut], text[cut:]
    first = len(labels) - ambiguous
    return Task(
        name=f"{ambiguous} words of {senses} senses",
        train=Stream(parts[0], torch.arange(cut - context), context),
        held_out=Stream(parts[1], torch.arange(0, tokens - cut - context, context), context),
        outputs=len(labels),
        labels=labels,
        dimensions={"vocab": len(labels), "context": context, "outputs": len(labels)},
        probe_size=probe_windows,
        meanings=Meanings(meant[:cut], meant[cut:], _names(topic_of, first)),
    )


def _meanings(draw: np.random.Generator, topics: int, ambiguous: int, senses: int) -> np.ndarray:
    """The topic of each meaning, [word, sense]: different ones in a word, and every topic used."""
    rows = [draw.permutation(topics)[:senses] for _ in range(ambiguous)]
    order = draw.permutation(topics)
    # The first words share all topics out between them; their pairs are as random as the others.
    for word in range(-(-topics // senses)):
        rows[word] = order[np.arange(word * senses, (word + 1) * senses) % topics]
    return np.array(rows)


def _write(
    draw: np.random.Generator,
    topic_of: np.ndarray,
    topics: int,
    own: int,
    fillers: int,
    length: int,
    tokens: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and their meanings, -1 where there is only one, [token] each."""
    passages = -(-tokens // (length + 1))
    topic = draw.integers(topics, size=(passages, 1))
    kind = draw.random((passages, length))
    # An ambiguous word of the topic, and which of its meanings belongs there.
    ways = [np.argwhere(topic_of == t) for t in range(topics)]
    counts = np.array([len(w) for w in ways])
    table = np.zeros((topics, counts.max(), 2), dtype=int)
    for t, found in enumerate(ways):
        table[t, : len(found)] = found
    number = (draw.random((passages, length)) * counts[topic]).astype(int)
    word, sense = table[topic, number].transpose(2, 0, 1)
    plain = topics + topic * own + draw.integers(own, size=(passages, length))
    filler = topics + topics * own + draw.integers(fillers, size=(passages, length))
    is_ambiguous = kind < AMBIGUOUS
    body = np.where(kind < AMBIGUOUS + OWN, plain, filler)
    body = np.where(is_ambiguous, topics + topics * own + fillers + word, body)
    text = np.concatenate([topic, body], 1).flatten()[:tokens]
    meant = np.concatenate([np.full_like(topic, -1), np.where(is_ambiguous, sense, -1)], 1)
    return torch.from_numpy(text), torch.from_numpy(meant.flatten()[:tokens])


def _labels(topics: int, ambiguous: int, own: int, fillers: int) -> tuple[str, ...]:
    marks = [f"<topic {t}>" for t in range(topics)]
    plain = [f"topic{t}.{i}" for t in range(topics) for i in range(own)]
    filler = [f"filler{i}" for i in range(fillers)]
    return (*marks, *plain, *filler, *(f"ambiguous{i}" for i in range(ambiguous)))


def _names(topic_of: np.ndarray, first: int) -> Mapping[int, tuple[str, ...]]:
    return {
        first + word: tuple(f"in topic {t}" for t in row)
        for word, row in enumerate(topic_of.tolist())
    }


def _check(
    topics: int,
    ambiguous: int,
    senses: int,
    own: int,
    fillers: int,
    length: int,
    context: int,
    held_out: float,
    tokens: int,
) -> None:
    least = {
        "senses": (senses, 2),
        "topics": (topics, senses),
        "own": (own, 1),
        "fillers": (fillers, 1),
        "length": (length, 1),
        "context": (context, 1),
        # Fewer words would leave a topic without an ambiguous one.
        "ambiguous": (ambiguous, -(-topics // senses)),
    }
    for name, (got, wanted) in least.items():
        if got < wanted:
            raise ValueError(f"{name}: wants {wanted} or more, got {got}")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out: wants a share between 0 and 1, got {held_out}")
    short = min(round(held_out * tokens), tokens - round(held_out * tokens))
    if short <= context:
        raise ValueError(
            f"tokens: wants more than {context} in each part, but {tokens} leave {short}"
        )
