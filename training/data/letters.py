"""Running text in 27 symbols: small letters and the space, everything else a space.

What LSRDR's letter studies are stated on: `text` at level "character" keeps capitals, digits and
marks. Verses (passages) are held out whole, all copies of a repeated one together.
"""

import re

import torch
from jaxtyping import Int
from torch import Tensor

from training.data.corpus import passages
from training.data.task import Stream, Task, split_indices

ALPHABET = " abcdefghijklmnopqrstuvwxyz"
OTHER = re.compile("[^a-z]+")


def letters(
    source: str = "kjv",
    context: int = 64,
    held_out: float = 0.1,
    split_seed: int = 0,
    probe_windows: int = 64,
) -> Task:
    """Next-letter prediction; token 0 is the space, 1 to 26 are a to z, whatever the text has.

    Raises ValueError for a bad source, options out of range, or a part too short for a window.
    """
    if context < 1 or probe_windows < 1:
        got = f"{context} and {probe_windows}"
        raise ValueError(f"context and probe_windows: want 1 or more, got {got}")
    found = [OTHER.sub(" ", p.lower()).strip() for p in passages(source)]
    distinct = [p for p in dict.fromkeys(found) if p]
    chosen = split_indices(len(distinct), held_out, split_seed, "held_out")[0].tolist()
    outside = {distinct[number] for number in chosen}
    parts = [[p for p in found if p and (p in outside) == held] for held in (False, True)]
    train, test = (_encoded(" ".join(part)) for part in parts)
    for name, tokens in (("train", train), ("held out", test)):
        if len(tokens) <= context:
            raise ValueError(
                f"context: wants windows of {context} letters, but the {name} part has "
                f"{len(tokens)} in all"
            )
    return Task(
        name=f"next letter of {source}",
        train=Stream(train, torch.arange(len(train) - context), context),
        held_out=Stream(test, torch.arange(0, len(test) - context, context), context),
        outputs=len(ALPHABET),
        labels=tuple(ALPHABET),
        dimensions={"vocab": len(ALPHABET), "context": context, "outputs": len(ALPHABET)},
        probe_size=probe_windows,
    )


def _encoded(text: str) -> Int[Tensor, " token"]:
    codes = torch.frombuffer(bytearray(text, "ascii"), dtype=torch.uint8).long()
    return torch.where(codes == ord(" "), 0, codes - ord("a") + 1)
