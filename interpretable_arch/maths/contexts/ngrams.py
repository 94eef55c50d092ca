"""How often each symbol follows each context of a text, as tensors.

A context of order k is the last k symbols. Contexts have ranks: the context c w of order k + 1 has
the rank of the pair (c, w) among all pairs seen at order k, so that any vocabulary fits in 64 bits
and one lookup per order follows a text.

Also the discounts of modified Kneser-Ney, estimated from how many pairs were seen once, twice, ...
(Chen and Goodman 1998, An empirical study of smoothing techniques for language modeling, TR-10-98).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

LEAST_DISCOUNT = 0.05


@dataclass(frozen=True, eq=False)
class Counts:
    """What was counted at one order: `keys` = context rank * vocab + symbol, ascending.

    `counts` says how often each pair was seen, `continuations` after how many different symbols;
    `contexts` is the number of contexts of this order.
    """

    keys: Int[Tensor, " pair"]
    counts: Int[Tensor, " pair"]
    continuations: Int[Tensor, " pair"]
    contexts: int


def count_contexts(
    texts: Sequence[Integer[Tensor, "_"]], order: int, vocab: int
) -> Iterator[Counts]:
    """Counts of orders 0 to `order`, one after the other, over texts that no context spans."""
    symbols = torch.cat([t.long() for t in texts])
    lengths = torch.tensor([len(t) for t in texts], device=symbols.device)
    first = torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
    depth = torch.arange(len(symbols), device=symbols.device) - first
    below: Counts | None = None
    contexts, places, rows = 1, torch.arange(len(symbols)).to(symbols), torch.zeros_like(symbols)
    entries = torch.zeros_like(symbols)
    for k in range(order + 1):
        keys, inverse, counts = torch.unique(
            rows * vocab + symbols[places], return_inverse=True, return_counts=True
        )
        if below is not None:
            yield replace(below, continuations=_kinds(inverse, entries[places], below))
        below = Counts(keys, counts, counts, contexts)
        entries[places] = inverse
        # The context of order k + 1 before a place is the pair of order k that ends one earlier.
        places = (depth > k).nonzero().squeeze(1)
        rows, contexts = entries[places - 1], len(keys)
    if below is not None:
        yield below


def _kinds(
    longer: Int[Tensor, " place"], shorter: Int[Tensor, " place"], below: Counts
) -> Int[Tensor, " pair"]:
    """Per pair, how many different longer pairs end in it; 1 where a text begins with it."""
    suffix = longer.new_zeros(int(longer.max()) + 1 if len(longer) else 0)
    suffix[longer] = shorter
    return torch.bincount(suffix, minlength=len(below.keys)).clamp_min(1)


def discounts(counts: Int[Tensor, " pair"]) -> Float[Tensor, "3"]:
    """D_1, D_2, D_3+ of modified Kneser-Ney from how many pairs have counts 1 to 4.

    Kept in [LEAST_DISCOUNT, j], so that some mass is always left for what was never seen.
    """
    n = torch.bincount(counts.clamp(0, 5), minlength=6)[1:5].double().clamp_min(1)
    y = n[0] / (n[0] + 2 * n[1])
    j = torch.arange(1, 4, device=n.device)
    return torch.minimum((j - (j + 1) * y * n[1:] / n[:-1]).clamp_min(LEAST_DISCOUNT), j.double())


def kept_aside(
    texts: Sequence[Int[Tensor, "_"]], parts: int, block: int, part: int
) -> tuple[Bool[Tensor, "_"], ...]:
    """Which symbols lie in every `parts`-th block of `block` symbols, from block number `part` on.

    Blocks are counted over the texts one after the other, and may reach from one into the next;
    they are shorter where all texts together have fewer than `parts` of them. Raises ValueError
    where nothing would be kept aside, or nothing left to count.
    """
    lengths = [len(t) for t in texts]
    total = sum(lengths)
    if total < 2:
        raise ValueError(f"texts: wanted 2 symbols, one kept aside and one counted, got {total}")
    block = max(1, min(block, total // parts))
    aside = torch.arange(total, device=texts[0].device) // block % parts == part % parts
    if bool(aside.all()) or not bool(aside.any()):
        raise ValueError(f"parts: wanted 2 to {total}, as many as there are symbols, got {parts}")
    return aside.split(lengths)


def without(
    text: Int[Tensor, " symbol"], aside: Bool[Tensor, " symbol"]
) -> tuple[Int[Tensor, "_"], ...]:
    """The stretches of the text between what is kept aside."""
    cuts = (aside.diff().nonzero().squeeze(1) + 1).cpu()
    pieces = zip(text.tensor_split(cuts), aside.tensor_split(cuts), strict=True)
    return tuple(t for t, apart in pieces if len(t) and not bool(apart[0]))
