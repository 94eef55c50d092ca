"""A convex language model: counts of literal contexts, mixed in logits by a gate.

    logit(w) = sum over o = 0..n of alpha[g, o] log p_o(w | last o symbols)

p_o are count models, modified Kneser-Ney or Witten-Bell (`maths.contexts.context_rows`). The gate g
is discrete: the length of the longest context that was ever seen, and how often it was. Orders
beyond those that say something new have no weight. Cross-entropy is convex in alpha, and strictly
so with l2/2 |alpha - prior|^2: one optimum, found by Newton's method from any start
(`maths.contexts.gated_logits`). The prior is the longest seen context alone.

Counts know the text that they come from by heart, so alpha is fitted on text that they have not
seen: every `parts`-th block of `block` symbols is kept aside, the rest is counted, alpha is fitted
on what was kept aside, `folds` such parts in turn (deleted interpolation, Jelinek and Mercer 1980).
Then everything is counted. Mixing in the logistic domain follows Mahoney (2005, PAQ).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.maths.contexts.context_rows import Smoothing
from interpretable_arch.maths.contexts.gated_logits import fit_gates
from interpretable_arch.maths.contexts.ngrams import kept_aside, without
from interpretable_arch.maths.contexts.text_rows import stretches_of
from interpretable_arch.models.context_tables import ContextTables
from interpretable_arch.readings.context_reading import logits_formula, weight_features
from interpretable_arch.symmetry import Symmetry

LEVEL = 1e-9  # the joint gradient norm at which Newton's method stops
GRADIENT_BOUND = 1e-8
FEW = 3  # pieces on which Newton's method comes near the optimum at little cost
PIECE = 2**18  # places x vocab handled at once
Piece = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class ContextMixtureConfig:
    """Contexts of 0 to `order` symbols; `buckets` are the upper bounds of how often the longest was
    seen, the last bucket open; at most `places` symbols are fitted on; `std` is the start's."""

    vocab: int
    order: int = 12
    smoothing: Smoothing = "kneser_ney"
    buckets: tuple[int, ...] = (1, 2, 4, 16)
    l2: float = 1e-4
    parts: int = 20
    folds: int = 1
    block: int = 128
    places: int = 100_000
    steps: int = 100
    std: float = 0.1

    def __post_init__(self) -> None:
        at_least_one(vocab=self.vocab, order=self.order, folds=self.folds, block=self.block)
        at_least_one(places=self.places, steps=self.steps)
        if self.parts < max(2, self.folds):
            raise ValueError(f"parts: wanted at least {max(2, self.folds)}, got {self.parts}")
        if self.l2 <= 0:
            raise ValueError(f"l2: wanted more than 0, for there to be one optimum, got {self.l2}")
        if list(self.buckets) != sorted({b for b in self.buckets if b > 0}):
            raise ValueError(f"buckets: wanted ascending numbers from 1 up, got {self.buckets}")


EXAMPLES = {
    "plain": ContextMixtureConfig(
        vocab=5, order=2, buckets=(2,), parts=4, folds=4, block=7, l2=1e-3
    ),
    "witten_bell": ContextMixtureConfig(
        vocab=4, order=1, smoothing="witten_bell", buckets=(22,), parts=3, folds=3, block=5, l2=1e-3
    ),
}


class ContextMixture(nn.Module):
    """Tokens [batch, position] to logits of the next token [batch, position, vocab].

    alpha is the only parameter: `weights` shows it as [gate, order]. The text is a saved buffer of
    `tables`, which count it. Before `fit_data` all answers are uniform.
    """

    causal = True
    fitted_alpha: Float[Tensor, " weight"]
    optimum: Float[Tensor, "5"]
    places: Int[Tensor, " gate"]
    bounds: Int[Tensor, " bucket"]
    speaks: Bool[Tensor, "gate order"]

    def __init__(self, config: ContextMixtureConfig) -> None:
        super().__init__()
        self.config = config
        self.tables = ContextTables(config.vocab, config.order, config.smoothing)
        self.register_buffer("speaks", _speaks(config), persistent=False)
        self.register_buffer("bounds", torch.tensor(config.buckets).long(), persistent=False)
        self.alpha = nn.Parameter(config.std * torch.randn(int(self.speaks.sum())))
        self.register_buffer("fitted_alpha", self.alpha.detach().clone())
        # Gradient norm, curvature with and without the ridge, loss in nats, steps of the last fit.
        self.register_buffer("optimum", torch.full((5,), torch.nan))
        self.register_buffer("places", torch.zeros(len(self.speaks), dtype=torch.long))
        self.hook_gate, self.hook_votes = HookPoint(), HookPoint()

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        contexts = self.tables.contexts(tokens)
        weights = self.weights()[self.hook_gate(self.gate(contexts))]
        parts = self._parts(contexts, weights)
        if self.hook_votes.active:
            return self.hook_votes(torch.stack(list(parts), -2)).sum(-2)
        return sum(parts, torch.zeros((), dtype=weights.dtype, device=weights.device))

    def _parts(
        self, contexts: Sequence[Tensor], weights: Float[Tensor, "*index order"]
    ) -> Iterator[Float[Tensor, "*index vocab"]]:
        flat = [c.flatten() for c in contexts]
        for k, log_p in enumerate(self.tables.log_p(flat)):
            yield weights[..., k, None] * log_p.view(*weights.shape[:-1], -1)

    def weights(self) -> Float[Tensor, "gate order"]:
        """alpha by gate and order; 0 where an order says nothing new."""
        slot = (self.speaks.flatten().long().cumsum(0) - 1).view_as(self.speaks)
        return torch.where(self.speaks, self.alpha[slot.clamp_min(0)], 0.0)

    def gate(
        self, contexts: Sequence[Int[Tensor, "*batch position"]]
    ) -> Int[Tensor, "*batch position"]:
        """Length of the longest context seen x bucket of how often it was."""
        longest, often = self.tables.longest(contexts)
        return longest * (len(self.bounds) + 1) + (often[..., None] > self.bounds).sum(-1)

    @torch.no_grad()
    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Find alpha on text kept aside, then count everything.

        Each row of `batches` is a text: tokens [row, position] and those that follow them; a target
        of -100 within it ends one text and begins another. Raises ValueError where none has more
        symbols than the longest context and what follows it, and for one outside the vocabulary.
        """
        c = self.config
        texts = [t.to(self.alpha.device) for t in stretches_of(batches)]
        _check_texts(texts, c)
        pieces = self.kept_aside(texts)
        prior = longest_alone(self.speaks)
        start, some = self.weights(), pieces[:: max(1, len(pieces) // FEW)]
        near = fit_gates(lambda: some, start, prior, c.l2, c.steps, LEVEL)
        found = fit_gates(lambda: pieces, near.alpha, prior, c.l2, c.steps, LEVEL)
        del pieces, some
        self.alpha.copy_(found.alpha[self.speaks])
        self.fitted_alpha.copy_(self.alpha)
        self.places.copy_(found.places)
        steps, curvatures = near.steps + found.steps, (found.least_curvature, found.free_curvature)
        values = (found.gradient_norm, *curvatures, found.loss, float(steps))
        self.optimum.copy_(torch.tensor(values, dtype=torch.float64))
        self.tables.hold(texts)

    def kept_aside(self, texts: Sequence[Int[Tensor, "_"]]) -> list[Piece]:
        """What alpha is fitted on; afterwards nothing is counted, so that no tables lie idle."""
        found = [p for fold in range(self.config.folds) for p in self._aside(texts, fold)]
        self.tables.count([texts[0][:0]])
        return found

    def _aside(self, texts: Sequence[Tensor], fold: int) -> Iterator[Piece]:
        """Features, gates and answers of one part of the texts, under the counts of the others."""
        c = self.config
        apart = kept_aside(texts, c.parts, c.block, fold * c.parts // c.folds)
        self.tables.count([p for t, a in zip(texts, apart, strict=True) for p in without(t, a)])
        depth = torch.cat([torch.arange(len(t), device=t.device) for t in texts])
        # Each place by itself, with the whole of its longest context before it.
        places = (torch.cat(apart) & (depth >= c.order)).nonzero().squeeze(1)
        most = c.places * (fold + 1) // c.folds - c.places * fold // c.folds
        places = places[:: -(-len(places) // most) or 1] if most else places[:0]
        text, back = torch.cat(list(texts)), torch.arange(-c.order, 0, device=places.device)
        for at in places.split(max(1, PIECE // c.vocab)):
            contexts = [x[:, -1] for x in self.tables.contexts(text[at[:, None] + back])]
            gate = self.gate(contexts)
            log_p = torch.stack([f.float() for f in self.tables.log_p(contexts)], 1)
            yield log_p * self.speaks[gate][..., None], gate, text[at]

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """One part a context length, in logits: its weight times its log-probabilities."""
        _, found = record(self, tokens, ("hook_gate", "hook_votes"))
        votes, gate = found["hook_votes"], found["hook_gate"]
        symbols = torch.eye(self.config.vocab, dtype=votes.dtype, device=votes.device)
        parts = [Component(f"context.{k}", v, symbols) for k, v in enumerate(votes.unbind(-2))]
        return Decomposition(tuple(parts), Exactness.given("hook_gate"), state={"hook_gate": gate})

    def sites(self) -> Mapping[str, Site]:
        orders = range(self.config.order + 1)
        return {f"context.{k}": Site("hook_votes", -2, k) for k in orders}

    def symmetry(self) -> Symmetry:
        """None: the loss has one optimum, and different weights answer differently."""
        return Symmetry(())

    def certificate(self) -> Certificate:
        """That Newton's method came to rest at the one optimum of a text, and alpha is there yet.

        That the loss is strictly convex is no condition: l2 makes it so. How much of the curvature
        is the text's own stands among the figures.
        """
        gradient, curvature, free, loss, steps = self.optimum.tolist()
        moved = float((self.alpha - self.fitted_alpha).detach().abs().max())
        idle = int((self.places == 0).sum())
        kept = f"{idle} of {len(self.places)} gates had no place to be fitted on: they kept the "
        note = f"{kept}prior, the longest context alone"
        return Certificate(
            "The optimum is unique: the loss is a sum of log-sum-exps of linear functions of alpha "
            "plus l2/2 |alpha - prior|^2, which is strictly convex, and alpha has no symmetry.",
            (
                Condition("gradient norm", gradient, "below", GRADIENT_BOUND),
                Condition("places fitted on", float(self.places.sum()), "above", 0.0),
                Condition("alpha moved since the fit", moved, "below", 1e-6),
            ),
            {
                "loss on text kept aside, nats": loss,
                "Newton steps": steps,
                "least curvature": curvature,
                "least curvature without l2": free,
            },
            (note,) if idle else (),
        )

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """The weight of each order by gate, and the logits of short texts as a formula."""
        weights = self.weights()
        formula = logits_formula(self.tables, self.gate, weights)
        features = weight_features(weights, self.speaks, self.config.buckets)
        return Interpretation("", features, () if formula is None else (formula,))

    @property
    def flat_while_chosen(self) -> int:
        """How many weights belong to gates that no context of this text has."""
        had = torch.zeros(len(self.speaks), dtype=torch.bool, device=self.speaks.device)
        for k, rows in enumerate(self.tables.rows()):
            bucket = (rows.totals[rows.totals > 0, None] > self.bounds).sum(-1)
            # Unless some symbol was never seen, the empty context is not the longest.
            had[k * (len(self.bounds) + 1) + bucket] = k > 0 or len(rows.keys) <= self.config.vocab
        return int(self.speaks[~had].sum())

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.vocab, (count, 6), generator=generator)

    def example_batches(self) -> Sequence[tuple[Tensor, Tensor]]:
        """A text of two stretches in which only some contexts occur, and one symbol never."""
        drawn = torch.randint(
            max(1, self.config.vocab - 1), (90,), generator=torch.Generator().manual_seed(3)
        )
        return [(t[None, :-1], t[None, 1:]) for t in drawn.split((60, 30))]


def _check_texts(texts: Sequence[Tensor], config: ContextMixtureConfig) -> None:
    longest = max((len(t) for t in texts), default=0)
    if longest < config.order + 2:
        wanted = f"at least order + 2 = {config.order + 2} symbols"
        raise ValueError(f"text: wanted {wanted}, got {longest}")
    symbols = torch.cat(list(texts))
    outside = symbols[(symbols < 0) | (symbols >= config.vocab)]
    if len(outside):
        wanted = f"symbols from 0 to {config.vocab - 1}, as vocab is {config.vocab}"
        raise ValueError(f"tokens: wanted {wanted}, got {int(outside[0])}")


def _speaks(config: ContextMixtureConfig) -> Bool[Tensor, "gate order"]:
    """Per gate, its orders: up to the longest context seen, and in Kneser-Ney one more.

    The order above the longest then says by its lower-order counts what is new after a context; in
    Witten-Bell it would say the same again.
    """
    orders = torch.arange(config.order + 1)
    last = orders + (config.smoothing == "kneser_ney")
    return (orders <= last[:, None]).repeat_interleave(len(config.buckets) + 1, 0)


def longest_alone(speaks: Bool[Tensor, "gate order"]) -> Float[Tensor, "gate order"]:
    """The longest context that was seen, alone, at weight 1."""
    gates, orders = speaks.shape
    longest = torch.arange(orders, device=speaks.device).repeat_interleave(gates // orders)
    return nn.functional.one_hot(longest, orders).double()
