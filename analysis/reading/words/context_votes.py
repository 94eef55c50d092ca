"""Which contexts spoke at a position of a context mixture, what each said, and how loudly.

The log odds of what followed, y, against the likeliest other symbol, r, is a sum of votes,

    log p(y) - log p(r) = sum over orders o of alpha[g, o] (log p_o(y) - log p_o(r)),

one a context length. Bits per symbol are those of the held-out text, all of it where the vocabulary
is small.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor, nn

from analysis.exhibits import Lines, Table
from analysis.reading.finding import Finding
from analysis.reading.words.sense_table import shown
from interpretable_arch.maths.spread import evenly
from interpretable_arch.models.context_mixture import ContextMixture
from training.data.task import Stream, Task

OUTPUTS = 2**27  # places x vocabulary that are scored at most
PIECE = 2**21  # of them at once
SHOWN = 3  # positions whose votes are listed
SPACE = "␣"


@dataclass(frozen=True)
class Vote:
    """One context at one position: how often it was `seen`, its `weight` alpha, and what it says.

    `favourite` is its likeliest symbol and `sure` its probability; `given` is the probability of
    what followed, and `vote` its share of the log odds against the mixture's likeliest other, nats.
    """

    context: tuple[int, ...]
    seen: int
    weight: float
    favourite: int
    sure: float
    given: float
    vote: float


@dataclass(frozen=True)
class Votes:
    """All contexts that spoke at one position, shortest first; the votes sum to `log_odds`.

    `p` is the mixture's probability of `followed`, and `rival` its likeliest other symbol.
    """

    followed: int
    rival: int
    p: float
    log_odds: float
    votes: tuple[Vote, ...]


@torch.no_grad()
def context_votes(model: ContextMixture, tokens: Int[Tensor, " position"], followed: int) -> Votes:
    """The contexts that speak after the last of `tokens`, where `followed` came next.

    An order without weight under this gate says nothing and is left out. Raises ValueError for an
    empty text or a symbol outside the vocabulary.
    """
    vocab = model.config.vocab
    inside = 0 <= followed < vocab and bool(((tokens >= 0) & (tokens < vocab)).all())
    if not len(tokens) or not inside:
        raise ValueError(f"tokens: wanted some, each from 0 to {vocab - 1}, got {tokens.tolist()}")
    contexts = tuple(c[:, -1] for c in model.tables.contexts(tokens[None]))
    gate = int(model.gate(contexts))
    weights, speaks = model.weights()[gate], model.speaks[gate]
    log_p = torch.stack(list(model.tables.log_p(contexts)), 1)[0].double()
    mixed = (weights.double() @ log_p).log_softmax(-1)
    rival = int(mixed.index_fill(0, torch.tensor(followed), -math.inf).argmax())
    found = []
    for k, (rows, context) in enumerate(zip(model.tables.rows(), contexts, strict=True)):
        if not speaks[k] or k > len(tokens):
            continue
        weight, said = float(weights[k]), log_p[k]
        found.append(
            Vote(
                context=tuple(tokens[len(tokens) - k :].tolist()),
                seen=int(rows.totals[context]),
                weight=weight,
                favourite=int(said.argmax()),
                sure=float(said.max().exp()),
                given=float(said[followed].exp()),
                vote=weight * float(said[followed] - said[rival]),
            )
        )
    odds = float(mixed[followed] - mixed[rival])
    return Votes(followed, rival, float(mixed[followed].exp()), odds, tuple(found))


def read_context_votes(model: nn.Module, task: Task) -> Finding | None:
    """Bits per symbol, alone and mixed; who speaks how loudly; tables of a few positions."""
    if not isinstance(model, ContextMixture) or not isinstance(task.held_out, Stream):
        return None
    alone, mixed, loud, longest, places = _measured(model, task.held_out)
    orders = range(model.config.order + 1)
    figures = {"bits per symbol": mixed, "bits per symbol of the best order alone": min(alone)}
    figures |= {f"mean weight of order {k}": loud[k] for k in orders}
    figures |= {"mean length of the longest context": sum(k * s for k, s in enumerate(longest))}
    x = tuple(float(k) for k in orders)
    curves = {"one order alone": tuple(alone), "mixture": tuple(mixed for _ in orders)}
    lengths = {"share of positions": tuple(longest)}
    exhibits = (
        Lines("Bits per symbol", x, curves, "order", "bits per symbol"),
        Lines("Longest context seen", x, lengths, "its length", "share of positions"),
        *(_table(model, task, place) for place in _some(task.held_out)),
    )
    note = (
        f"Bits per symbol are over {places:,} held-out positions. A vote is a context's weight "
        "times its log odds of what followed against the likeliest other symbol; the votes sum to "
        "the log odds of the whole."
    )
    return Finding("Contexts that spoke", figures, exhibits, (note,))


@torch.no_grad()
def _measured(
    model: ContextMixture, text: Stream
) -> tuple[list[float], float, list[float], list[float], int]:
    """Bits of each order and of the mixture; mean weights; shares of the longest; positions."""
    orders = model.config.order + 1
    alone, loud, longest = (torch.zeros(orders, dtype=torch.float64) for _ in range(3))
    mixed, places = 0.0, 0
    for tokens, after in _windows(text, model.config.vocab):
        contexts, right = model.tables.contexts(tokens), after.flatten()[:, None]
        weights = model.weights()[model.gate(contexts)].flatten(0, -2)
        logits = torch.zeros((), dtype=weights.dtype)
        for k, log_p in enumerate(model.tables.log_p([c.flatten() for c in contexts])):
            logits = logits + weights[:, k, None] * log_p
            alone[k] -= log_p.gather(1, right).double().sum()
        mixed -= float(logits.log_softmax(-1).gather(1, right).double().sum())
        loud += weights.double().sum(0)
        lengths = model.tables.longest(contexts)[0].flatten()
        longest += torch.bincount(lengths, minlength=orders)
        places += len(right)
    nats = math.log(2) * places
    shares = [(found / places).tolist() for found in (loud, longest)]
    return (alone / nats).tolist(), mixed / nats, shares[0], shares[1], places


def _windows(text: Stream, vocab: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Held-out windows, which do not overlap: all, or as many as `OUTPUTS` allows."""
    most = max(1, OUTPUTS // (vocab * text.context))
    for indices in evenly(len(text), most).split(max(1, PIECE // (vocab * text.context))):
        yield text.take(indices)


def _some(text: Stream) -> list[Int[Tensor, " position"]]:
    """The ends of a few windows: tokens, the last of which is what followed."""
    tokens, after = text.take(evenly(len(text), SHOWN))
    return list(torch.cat([tokens, after[:, -1:]], 1))


def _table(model: ContextMixture, task: Task, place: Int[Tensor, " position"]) -> Table:
    found = context_votes(model, place[:-1], int(place[-1]))
    name = [shown(label) for label in task.labels]
    apart = [n.replace(" ", SPACE) for n in name]
    rows: list[tuple[str | float, ...]] = [
        (
            _said(v.context, apart),
            float(v.seen),
            v.weight,
            apart[v.favourite],
            v.sure,
            v.given,
            v.vote,
        )
        for v in found.votes
    ]
    total = ("all together", "", "", "", "", found.p, found.log_odds)
    columns = ("context", "seen", "weight", "says", "surely", "p of what followed", "vote, nats")
    title = f"After …{_said(place[-31:-1].tolist(), name)}: {apart[found.followed]} followed, "
    return Table(f"{title}against {apart[found.rival]}", columns, (*rows, total))


def _said(symbols: tuple[int, ...] | list[int], name: list[str]) -> str:
    """A context as text: characters run together, words stand apart."""
    # A mark such as <unk> is a label of several characters in any vocabulary.
    words = any(len(n) > 1 and not (n[0] == "<" and n[-1] == ">") for n in name)
    return (" " if words else "").join(name[s] for s in symbols) or "(none)"
