"""Running text: from the tokens so far, the next token.

Passages are joined by line ends into one row of tokens, read through windows of `context` tokens.
Training windows begin anywhere; held-out windows do not overlap, so each token is predicted once.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from training.data.corpus import passages
from training.data.task import Stream, Task, split_indices
from training.data.vocabulary import Vocabulary, tokenize

MOST_BLOCKS = 100


@dataclass(frozen=True, eq=False)
class _Part:
    """Tokens with the place of each; a window may only cover places without a gap."""

    tokens: list[str]
    places: Int[Tensor, " token"]


def text(
    source: str = "kjv",
    level: str = "character",
    context: int = 64,
    held_out: float = 0.1,
    split: str = "verse",
    split_seed: int = 0,
    vocabulary: int | None = None,
    probe_windows: int = 64,
    column: str = "text",
) -> Task:
    """Next-token prediction on a source of `training.data.corpus`.

    `level` is "character" or "word". `split` "verse" holds out whole passages, all copies of a
    repeated one together, and joins what is left; "block" cuts the running text into at most 100
    equal blocks and holds out some, and no window spans a cut. `vocabulary` caps the number of
    tokens. The probe is up to `probe_windows` held-out windows, spread evenly. Raises ValueError
    for bad text, for options out of range, and for a part too short for one window.
    """
    _check(level, split, context, probe_windows)
    cut = _by_verse if split == "verse" else _by_block
    parts = cut(passages(source, column), level, context, held_out, split_seed)
    known = Vocabulary.of(parts[0].tokens, vocabulary)
    train = _stream("train", parts[0], known, context, overlap=True)
    test = _stream("held out", parts[1], known, context, overlap=False)
    return Task(
        name=f"next {level} of {source}",
        train=train,
        held_out=test,
        outputs=len(known),
        labels=known.tokens,
        dimensions={"vocab": len(known), "context": context, "outputs": len(known)},
        probe_size=probe_windows,
    )


def _by_verse(
    found: list[str], level: str, context: int, held_out: float, split_seed: int
) -> tuple[_Part, _Part]:
    # Copies of one verse on both sides would let memory pass for prediction.
    distinct = list(dict.fromkeys(found))
    chosen = split_indices(len(distinct), held_out, split_seed, "held_out")[0].tolist()
    outside = {distinct[number] for number in chosen}
    train = tokenize("\n".join(p for p in found if p not in outside), level)
    test = tokenize("\n".join(p for p in found if p in outside), level)
    return _Part(train, torch.arange(len(train))), _Part(test, torch.arange(len(test)))


def _by_block(
    found: list[str], level: str, context: int, held_out: float, split_seed: int
) -> tuple[_Part, _Part]:
    tokens = tokenize("\n".join(found), level)
    # Whole multiples of the context, two at least: every block then holds a whole window.
    block = context * max(2, -(-len(tokens) // (MOST_BLOCKS * context)))
    blocks = -(-len(tokens) // block)
    outside = torch.zeros(blocks, dtype=torch.bool)
    outside[split_indices(blocks, held_out, split_seed, "held_out")[0]] = True
    outside = outside.repeat_interleave(block)[: len(tokens)]
    return _select(tokens, ~outside), _select(tokens, outside)


def _select(tokens: list[str], chosen: Bool[Tensor, " token"]) -> _Part:
    places = chosen.nonzero().squeeze(1)
    return _Part([tokens[place] for place in places.tolist()], places)


def _stream(part: str, data: _Part, known: Vocabulary, context: int, overlap: bool) -> Stream:
    # A window of `context` tokens and their followers covers context + 1 places.
    ends = data.places[context:]
    whole = ends - data.places[: len(ends)] == context
    if not overlap:
        whole &= data.places[: len(ends)] % context == 0
    starts = whole.nonzero().squeeze(1)
    if len(starts) == 0:
        raise ValueError(
            f"context: wants windows of {context} tokens, but the {part} part has "
            f"{len(data.tokens)} tokens in all"
        )
    return Stream(known.encode(data.tokens), starts, context)


def _check(level: str, split: str, context: int, probe_windows: int) -> None:
    for name, got, wanted in (
        ("level", level, ("character", "word")),
        ("split", split, ("verse", "block")),
    ):
        if got not in wanted:
            raise ValueError(f"{name}: wants one of {', '.join(wanted)}, got {got!r}")
    for name, got in (("context", context), ("probe_windows", probe_windows)):
        if got < 1:
            raise ValueError(f"{name}: wants a whole number from 1 up, got {got}")
