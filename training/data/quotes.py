"""Which quote or bracket must be closed now? Text drawn here, after a task of Gao et al. 2025
(arXiv 2511.13653), whose circuits close a string by the kind of quote that opened it.

Among letters one kind opens and then another; half of the time the second is closed again. The
text ends on "?", and the answer there is what closes the innermost that is still open. Nothing
else is asked for: all other targets are -100.
"""

import numpy as np
import torch
from jaxtyping import Int

from training.data.task import Task, split_examples
from training.objective import IGNORED

OPENING = ("(", "[", "{", "<")
CLOSING = (")", "]", "}", ">")
QUESTION = "?"


def quotes(
    length: int = 12, letters: int = 8, count: int = 2048, share: float = 0.5, split_seed: int = 0
) -> Task:
    """`count` texts of `length` tokens, the "?" among them; `share` of them are trained on.

    Tokens are the letters, the four opening kinds, the four closing kinds and "?". Texts are a
    fixed function of `split_seed`. Raises ValueError for texts too short for three marks and the
    question, for no letters or more than 26, and for a share that leaves nothing to test on.
    """
    if length < 4:
        raise ValueError(f"length: wants at least 4, three marks and the question, got {length}")
    if not 1 <= letters <= 26:
        raise ValueError(f"letters: wants 1 to 26, got {letters}")
    names = tuple("abcdefghijklmnopqrstuvwxyz"[:letters]) + OPENING + CLOSING + (QUESTION,)
    texts, answers = _draw(np.random.default_rng(split_seed), length, letters, count)
    targets = torch.full((count, length), IGNORED)
    targets[:, -1] = torch.from_numpy(answers)
    train, held_out = split_examples(torch.from_numpy(texts), targets, share, split_seed)
    return Task(
        name=f"what must be closed in {length} tokens, {len(train)} texts to learn from",
        train=train,
        held_out=held_out,
        outputs=len(names),
        labels=names,
        dimensions={"vocab": len(names), "context": length},
    )


def _draw(
    generator: np.random.Generator, length: int, letters: int, count: int
) -> tuple[Int[np.ndarray, "example position"], Int[np.ndarray, " example"]]:
    opening, closing = letters, letters + len(OPENING)
    texts = generator.integers(letters, size=(count, length))
    texts[:, -1] = closing + len(CLOSING)
    rows = np.arange(count)
    places = generator.random((count, length - 1)).argsort(1)[:, :3]
    first, second, third = np.sort(places, 1).T
    outer, inner = generator.random((count, len(OPENING))).argsort(1)[:, :2].T
    closed = generator.random(count) < 0.5
    texts[rows, first], texts[rows, second] = opening + outer, opening + inner
    texts[rows[closed], third[closed]] = closing + inner[closed]
    return texts, closing + np.where(closed, outer, inner)
