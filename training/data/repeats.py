"""Repeated random segments, the ground truth of induction (Olsson et al. 2022, arXiv 2209.11895).

A segment of random tokens, all different, of random length, again and again until the context is
full. In the first copy no token can be foretold; from the second on, each is the one that followed
the same token before. Random lengths keep a fixed offset from being an answer, and different
tokens within a segment make "the place where this token stood before" one place.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from training.data.task import Split, Task
from training.objective import IGNORED

TARGETS = ("all", "repeats")
PROBE = 64  # sequences, as of windows of text


def repeats(
    vocabulary: int = 32,
    shortest: int = 6,
    longest: int = 16,
    context: int = 32,
    sequences: int = 4096,
    held_out: int = 512,
    targets: str = "all",
    split_seed: int = 0,
) -> Task:
    """Next tokens of `sequences` repeated segments, and of `held_out` fresh ones.

    A segment has from `shortest` to `longest` tokens, each length as likely. `targets` "all" asks
    for every next token; "repeats" leaves out (-100) those that nothing earlier tells. Raises
    ValueError for options out of range, and unless two copies of the longest segment fit.
    """
    _check(vocabulary, shortest, longest, context, sequences, held_out, targets, split_seed)
    parts = []
    # Two seeds of one stream apart: fresh segments, whatever the sizes of both parts.
    for count, seed in ((sequences, 2 * split_seed), (held_out, 2 * split_seed + 1)):
        generator = torch.Generator().manual_seed(seed)
        tokens, lengths = repeated_segments(
            count, vocabulary, shortest, longest, context + 1, generator
        )
        parts.append(Split(tokens[:, :-1], _answers(tokens, lengths, targets)))
    return Task(
        name=f"repeated segments of {shortest} to {longest} out of {vocabulary} tokens",
        train=parts[0],
        held_out=parts[1],
        outputs=vocabulary,
        labels=tuple(str(token) for token in range(vocabulary)),
        dimensions={"vocab": vocabulary, "context": context, "outputs": vocabulary},
        probe_size=PROBE,
    )


def repeated_segments(
    count: int,
    vocabulary: int,
    shortest: int,
    longest: int,
    width: int,
    generator: torch.Generator,
) -> tuple[Int[Tensor, "sequence position"], Int[Tensor, " sequence"]]:
    """`count` rows of `width` tokens, one segment again and again, and the segments' lengths."""
    lengths = torch.randint(shortest, longest + 1, (count,), generator=generator)
    shuffled = torch.rand(count, vocabulary, generator=generator).argsort(dim=1)
    place = torch.arange(width) % lengths[:, None]
    return shuffled.gather(1, place), lengths


def _answers(
    tokens: Int[Tensor, "sequence width"], lengths: Int[Tensor, " sequence"], targets: str
) -> Int[Tensor, "sequence position"]:
    following = tokens[:, 1:]
    if targets == "all":
        return following.clone()
    known = torch.arange(following.shape[1]) >= lengths[:, None]
    return following.where(known, IGNORED)


def _check(
    vocabulary: int,
    shortest: int,
    longest: int,
    context: int,
    sequences: int,
    held_out: int,
    targets: str,
    split_seed: int,
) -> None:
    if targets not in TARGETS:
        raise ValueError(f"targets: wants one of {', '.join(TARGETS)}, got {targets!r}")
    if not 2 <= shortest <= longest:
        raise ValueError(f"shortest: wants from 2 to longest = {longest}, got {shortest}")
    if longest > vocabulary:
        raise ValueError(f"longest: wants at most the {vocabulary} tokens there are, got {longest}")
    if context < 2 * longest:
        raise ValueError(f"context: wants two copies, {2 * longest} or more, got {context}")
    for name, got, least in (
        ("sequences", sequences, 1),
        ("held_out", held_out, 1),
        ("split_seed", split_seed, 0),
    ):
        if got < least:
            raise ValueError(f"{name}: wants a whole number from {least} up, got {got}")
