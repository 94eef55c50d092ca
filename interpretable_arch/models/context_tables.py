"""A text held as the counts of its contexts: what followed each, and how often.

Only the text itself is saved; its tables are made from it again when it is loaded. Looking up is
`maths.contexts.context_rows`. `written_out` chooses static shapes, as vmap and compiling want.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from interpretable_arch.maths.contexts.context_rows import (
    Rows,
    Smoothing,
    distributions,
    follow,
    rows_of,
)
from interpretable_arch.maths.contexts.ngrams import count_contexts

_FIELDS = tuple(f.name for f in fields(Rows))


class ContextTables(nn.Module):
    """Contexts of 0 to `order` symbols and their distributions; without a text, uniform."""

    text: Integer[Tensor, " symbol"]
    lengths: Int[Tensor, " text"]
    kind: Float[Tensor, ""]

    def __init__(self, vocab: int, order: int, smoothing: Smoothing) -> None:
        super().__init__()
        self.vocab, self.order, self.written_out = vocab, order, False
        self.smoothing: Smoothing = smoothing
        self.register_buffer("text", torch.zeros(0, dtype=_narrowest(vocab)))
        self.register_buffer("lengths", torch.zeros(1, dtype=torch.long))
        # Moves with the model, so that tables counted later have its kind of number.
        self.register_buffer("kind", torch.zeros(()), persistent=False)
        self.count([self.text])
        self._register_load_state_dict_pre_hook(self._take_text)

    def hold(self, texts: Sequence[Integer[Tensor, "_"]]) -> None:
        """Keep these texts and count them; no context spans two."""
        self.text = torch.cat(list(texts)).to(self.text)
        self.lengths = torch.tensor([len(t) for t in texts], device=self.text.device)
        self.count(texts)

    def count(self, texts: Sequence[Integer[Tensor, "_"]]) -> None:
        """Make the tables of these texts, which aren't kept."""
        for k, found in enumerate(count_contexts(texts, self.order, self.vocab)):
            rows = rows_of(found, self.vocab, self.smoothing)
            for name in _FIELDS:
                value = getattr(rows, name).to(self.text.device)
                kind = self.kind.dtype if value.is_floating_point() else value.dtype
                self.register_buffer(f"{name}_{k}", value.to(kind), persistent=False)

    def rows(self) -> list[Rows]:
        """The tables of each order."""
        held = range(self.order + 1)
        return [Rows(**{n: getattr(self, f"{n}_{k}") for n in _FIELDS}) for k in held]

    def contexts(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> tuple[Int[Tensor, "*batch position"], ...]:
        """Per order, the row of the context that ends at each position; -1 where never seen."""
        flat = tokens.reshape(-1, tokens.shape[-1])
        found = follow(self.rows(), flat, self.vocab, self.written_out)
        return tuple(c.view(tokens.shape) for c in found)

    def longest(
        self, contexts: Sequence[Integer[Tensor, "*index"]]
    ) -> tuple[Int[Tensor, "*index"], Int[Tensor, "*index"]]:
        """The length of the longest context that was ever followed by anything, and how often."""
        length, often = torch.zeros_like(contexts[0]), torch.zeros_like(contexts[0])
        for k, (rows, context) in enumerate(zip(self.rows(), contexts, strict=True)):
            total = rows.totals[context]
            length = torch.where(total > 0, k, length)
            often = torch.where(total > 0, total, often)
        return length, often

    def log_p(
        self, contexts: Sequence[Integer[Tensor, " place"]]
    ) -> Iterator[Float[Tensor, "place vocab"]]:
        """log p_0, log p_1, ... after each place, in nats, one order at a time.

        What many sure contexts leave to a new symbol may be less than the smallest normal number:
        it is given that much, so that every probability stays positive.
        """
        for p in distributions(self.rows(), contexts, self.vocab, self.written_out):
            yield p.clamp_min(torch.finfo(p.dtype).tiny).log()

    def _take_text(self, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
        """A saved text comes with its own length, and its counts are made from it."""
        text, lengths = state.get(f"{prefix}text"), state.get(f"{prefix}lengths")
        if text is None or lengths is None or torch.equal(text.to(self.text), self.text):
            return
        self.hold(text.to(self.text).split(lengths.tolist()))


def _narrowest(vocab: int) -> torch.dtype:
    """The smallest whole numbers that hold every symbol: the text is most of a saved run."""
    fits = (d for d in (torch.uint8, torch.int16) if vocab - 1 <= torch.iinfo(d).max)
    return next(fits, torch.int32)
