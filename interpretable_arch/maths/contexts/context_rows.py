"""Counts of contexts as rows for lookup, and the distribution that each order gives.

With c(w) the count of w after the context c, N(c) its total and c' the context one symbol shorter,

    p_k(w | c) = (c(w) - D(c(w))) / N(c) + lambda(c) q_{k-1}(w | c'),    q_{-1} = 1 / vocab,

lambda(c) the mass that the discounts D free. Two ways to discount:

kneser_ney    q is the same with other counts: after how many different symbols the pair (c, w) was
              seen; D are the three of `ngrams.discounts` (Chen and Goodman 1998, TR-10-98)
witten_bell   q = p and D(c(w)) = c(w) T / (N + T), T the number of different followers (Witten and
              Bell 1991, The zero-frequency problem)

Every symbol keeps positive probability after every context: some mass is always freed, and goes
down to 1 / vocab at last.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.maths.contexts.ngrams import Counts, discounts

Smoothing = Literal["kneser_ney", "witten_bell"]
Find = Callable[[Tensor, Tensor], Tensor]  # ascending keys, one key each: how many lie below it
Add = Callable[[Tensor, Tensor], Tensor]  # what the order below says, the pairs' mass: their sum
NEVER = -1
PAST_ALL = 2**62


@dataclass(frozen=True, eq=False)
class Rows:
    """One order: row c holds the pairs from `starts[c]` to `starts[c + 1]`, ascending in `keys`.

    key = c * vocab + symbol. `mass` and `rest` are the first term and lambda of p, `low_mass` and
    `low_rest` those of q. The last row, which NEVER finds too, is the context never seen: empty,
    all left to the order below. The last pair is none: its key lies past all others.
    """

    keys: Int[Tensor, " pair"]
    mass: Float[Tensor, " pair"]
    low_mass: Float[Tensor, " pair"]
    starts: Int[Tensor, " row_end"]
    rest: Float[Tensor, " row"]
    low_rest: Float[Tensor, " row"]
    totals: Int[Tensor, " row"]


def rows_of(counts: Counts, vocab: int, smoothing: Smoothing) -> Rows:
    """One order's discounted masses, in float64, and what they leave to the order below."""
    row = counts.keys // vocab
    ends = torch.arange(counts.contexts + 2, device=row.device)
    mass, rest = _discounted(counts.counts, row, counts.contexts, smoothing)
    if smoothing == "kneser_ney":
        low_mass, low_rest = _discounted(counts.continuations, row, counts.contexts, smoothing)
    else:
        low_mass, low_rest = mass, rest
    return Rows(
        keys=torch.cat([counts.keys, counts.keys.new_full((1,), PAST_ALL)]),
        mass=torch.cat([mass, mass.new_zeros(1)]),
        low_mass=torch.cat([low_mass, low_mass.new_zeros(1)]),
        starts=torch.searchsorted(row, ends, out_int32=True),
        rest=rest,
        low_rest=low_rest,
        totals=_sums(counts.counts, row, counts.contexts).int(),
    )


def _discounted(
    seen: Int[Tensor, " pair"], row: Int[Tensor, " pair"], contexts: int, smoothing: Smoothing
) -> tuple[Float[Tensor, " pair"], Float[Tensor, " row"]]:
    totals = _sums(seen, row, contexts)
    if smoothing == "witten_bell":
        kinds = torch.bincount(row, minlength=contexts + 1)
        taken = seen * (kinds / (totals + kinds).clamp_min(1))[row]
    else:
        taken = discounts(seen)[seen.clamp_max(3) - 1]
    rest = torch.where(totals > 0, _sums(taken, row, contexts) / totals.clamp_min(1), 1.0)
    return (seen - taken) / totals[row], rest


def _sums(values: Tensor, row: Int[Tensor, " pair"], contexts: int) -> Float[Tensor, " row"]:
    return torch.bincount(row, weights=values.double(), minlength=contexts + 1).double()


def follow(
    orders: Sequence[Rows],
    tokens: Int[Tensor, "batch position"],
    vocab: int,
    written_out: bool = False,
) -> list[Int[Tensor, "batch position"]]:
    """The row of each order's context after each position; NEVER where it was never seen.

    A token outside the vocabulary was never seen: its key would be that of another context.
    """
    find = _bisected if written_out else torch.searchsorted
    known = (tokens >= 0) & (tokens < vocab)
    symbols = tokens.where(known, 0)
    found, before = [torch.zeros_like(tokens)], torch.zeros_like(tokens)
    for rows in orders[:-1]:
        found.append(_pair(find, rows, before.where(known, NEVER), symbols, vocab))
        # The context of two symbols or more that ends here goes on from the one before.
        before = torch.cat([torch.full_like(tokens[:, :1], NEVER), found[-1][:, :-1]], 1)
    return found


def _pair(find: Find, rows: Rows, context: Tensor, symbol: Tensor, vocab: int) -> Tensor:
    """The place of the pair (context, symbol), or NEVER."""
    key = context * vocab + symbol
    place = find(rows.keys, key)
    return torch.where((rows.keys[place] == key) & (context >= 0), place, NEVER)


def _bisected(keys: Int[Tensor, " pair"], key: Int[Tensor, "*index"]) -> Int[Tensor, "*index"]:
    """How many keys lie below: `torch.searchsorted` in lookups alone, which vmap can stack."""
    place = torch.zeros_like(key)
    for power in reversed(range(len(keys).bit_length())):
        probe = place + 2**power
        below = keys[(probe - 1).clamp_max(len(keys) - 1)] < key
        place = torch.where(below & (probe < len(keys)), probe, place)
    return place


def distributions(
    orders: Sequence[Rows],
    contexts: Sequence[Int[Tensor, " place"]],
    vocab: int,
    written_out: bool = False,
) -> Iterator[Float[Tensor, "place vocab"]]:
    """p_0, p_1, ... after each place, one order at a time.

    `written_out` looks every symbol up by itself: shapes are then static, as vmap and compiling
    want, at a multiple of the cost.
    """
    places = len(contexts[0])
    below = orders[0].mass.new_full((min(1, places), vocab), 1 / vocab)
    find = _every_symbol if written_out else _seen_symbols
    for k, (rows, context) in enumerate(zip(orders, contexts, strict=True)):
        # The empty context is the same everywhere: its long row is taken once.
        here = context if k else context[:1]
        add = find(rows, here, vocab)
        yield add(below * rows.rest[here][:, None], rows.mass).expand(places, vocab)
        below = add(below * rows.low_rest[here][:, None], rows.low_mass)


def _every_symbol(rows: Rows, context: Tensor, vocab: int) -> Add:
    symbols = torch.arange(vocab, device=context.device)
    place = _pair(_bisected, rows, context[:, None], symbols, vocab)
    return lambda below, mass: below + mass[place]  # NEVER is the last pair, of no mass


def _seen_symbols(rows: Rows, context: Tensor, vocab: int) -> Add:
    first = rows.starts[context]
    length = torch.where(context >= 0, rows.starts[context + 1] - first, 0)
    place = torch.repeat_interleave(torch.arange(len(context), device=first.device), length)
    pair = torch.arange(len(place), device=first.device)
    pair = pair + (first - (length.cumsum(0) - length))[place]
    target = place * vocab + rows.keys[pair] % vocab
    return lambda below, mass: below.flatten().index_add(0, target, mass[pair]).view_as(below)
