"""Text to token numbers: by character or by word, from the training part alone.

Number 0 is `<unk>`, for all that the training part lacks or that the size cap leaves out; the
others follow by falling count, ties in code-point order, so that equal text gives equal numbers.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Int
from torch import Tensor

UNKNOWN = "<unk>"
# Words with their apostrophes, line ends, and every other mark by itself; spaces are left out.
WORD = re.compile(r"\w+(?:['’]\w+)*|\n|[^\w\s]")


def tokenize(text: str, level: str) -> list[str]:
    """The tokens of `text`, by "character" or by "word"; words drop the spaces between them."""
    return list(text) if level == "character" else WORD.findall(text)


@dataclass(frozen=True)
class Vocabulary:
    """The tokens by number; `tokens[0]` is `<unk>`."""

    tokens: tuple[str, ...]

    @classmethod
    def of(cls, tokens: Iterable[str], size: int | None = None) -> "Vocabulary":
        """Every token that occurs or, with `size`, the most frequent, `<unk>` counted in."""
        if size is not None and size < 2:
            raise ValueError(f"vocabulary: wants a size from 2 up, or none, got {size}")
        counts = Counter(tokens)
        ordered = sorted(counts, key=lambda token: (-counts[token], token))
        return cls((UNKNOWN, *ordered)[:size])

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}

    def encode(self, tokens: Iterable[str]) -> Int[Tensor, " token"]:
        """The number of each token, 0 where it is not in the vocabulary."""
        return torch.tensor([self._number.get(token, 0) for token in tokens], dtype=torch.long)
