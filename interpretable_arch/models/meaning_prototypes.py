"""A transformer whose words are matrices: each row is the context in which one meaning occurs.

    p(l | w, left) = softmax over l of -|c - M(w)_l|^2 / (2 v(w)),
    p(w, l | left) = p(w | left) p(l | w, left)

c is what the words to the left leave behind, two views side by side: the normed state phi from
which the transformer predicts the next word, and the topic, the direction of the mean embedding of
the last `window` words. M(w) in R^{k x 2d} holds the prototypes. They are no parameters of the
loss, so that the transformer is the standard one, number for number: `fit_meanings` finds them on
unlabelled text, after training, by k-means on *both* sides of each occurrence: c, the next word
and the topic that follows. Given which meaning it is, left and right say little of each other, so
that what both sides agree on is the meaning (the two views of Yarowsky 1995 and of Blum and
Mitchell 1998); a split that only the left shows, as by the article before a noun, finds no support
on the right. A pick sees the left alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.maths.clusters import k_means
from interpretable_arch.maths.spread import evenly
from interpretable_arch.models.transformer import Transformer, TransformerConfig
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Symmetry, weights


@dataclass(frozen=True)
class MeaningPrototypesConfig:
    """`senses` prototypes a word; `topic` and `following` are the lengths of the topic's and the
    next word's view, in units of the state's; `most` occurrences of a word are fitted on."""

    vocab: int
    context: int
    d_model: int = 128
    layers: int = 2
    heads: int = 4
    senses: int = 2
    window: int = 20
    topic: float = 0.6
    following: float = 0.6
    most: int = 3000
    d_mlp: int | None = None
    std: float = 0.02

    def __post_init__(self) -> None:
        at_least_one(senses=self.senses, window=self.window, most=self.most)


EXAMPLES = {
    "plain": MeaningPrototypesConfig(
        vocab=7, context=5, d_model=6, layers=1, heads=2, senses=3, window=2, d_mlp=5, std=0.5
    )
}


class MeaningPrototypes(nn.Module):
    """Tokens [batch, position] to the transformer's logits [batch, position, vocab].

    M [sense, vocab, view, d_model], log v [vocab] and the text's mean embedding `middle` [d_model]
    are buffers, zero until fitted.
    """

    causal = True
    M: Float[Tensor, "sense vocab view d_model"]
    log_v: Float[Tensor, " vocab"]
    middle: Float[Tensor, " d_model"]

    def __init__(self, config: MeaningPrototypesConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        mlp = {"class_path": "mlp", "init_args": {"d_mlp": c.d_mlp}}
        self.body = Transformer(
            TransformerConfig(c.vocab, c.context, c.d_model, c.layers, c.heads, std=c.std, mlp=mlp)
        )
        self.register_buffer("M", torch.zeros(c.senses, c.vocab, 2, c.d_model))
        self.register_buffer("log_v", torch.zeros(c.vocab))
        self.register_buffer("middle", torch.zeros(c.d_model))

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        return self.body(tokens)

    def left(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position view d"]:
        """c: the state after each position and the topic of the words up to it."""
        return torch.stack([self.body.final(tokens), self._topic(tokens)], -2)

    def right(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position view d"]:
        """What follows the word after each position: the word that comes next, and the topic.

        Zero where the text ends.
        """
        c = self.config
        known = F.normalize(self.body.unembedding(), dim=0).T * c.following * c.d_model**0.5
        ahead = self._topic(tokens.flip(-1)).flip(-2)
        return torch.stack([_shifted(known[tokens], 2), _shifted(ahead, 2)], -2)

    def _topic(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position d_model"]:
        """The direction of the mean of the last `window` embeddings, each less the text's mean:
        otherwise how many frequent words stand there would be most of it."""
        c = self.config
        total = (self.body.W_E[tokens] - self.middle).cumsum(-2)
        before = F.pad(total, (0, 0, c.window, 0))[..., : total.shape[-2], :]
        return F.normalize(total - before, dim=-1) * c.topic * c.d_model**0.5

    @property
    def fitted(self) -> bool:
        """Whether `fit_meanings` has found any prototype yet."""
        return bool(self.M.any())

    def posterior(
        self, tokens: Int[Tensor, "*batch position"], words: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position sense"]:
        """p(l | w, left): which meaning of `words` stands after the tokens up to each position."""
        gap = self.left(tokens)[..., None, :, :] - self.M[:, words].movedim(0, -3)
        squared = gap.square().sum((-1, -2))
        return (-squared / 2 * (-self.log_v[words]).exp()[..., None]).softmax(-1)

    def meanings(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """p(w, l | left) as parts that sum to p(w | left), one per meaning; given c."""
        left = self.left(tokens)
        reach = torch.einsum("...vd,swvd->...sw", left, self.M)
        squared = self.M.square().sum((-1, -2)) - 2 * reach
        posterior = (-squared / 2 * (-self.log_v).exp()).softmax(-2)
        words = torch.eye(self.config.vocab, dtype=left.dtype, device=left.device)
        joint = self(tokens).softmax(-1)[..., None, :] * posterior
        parts = [Component(f"sense.{i}", joint[..., i, :], words) for i in range(len(self.M))]
        return Decomposition(tuple(parts), Exactness.given("left"), "probability", {"left": left})

    @torch.no_grad()
    def fit_meanings(self, windows: Iterable[Int[Tensor, "_ position"]]) -> None:
        """Set every word's prototypes from unlabelled windows of at least 3 tokens.

        A word that never occurs keeps prototypes of zero.
        """
        kept = list(windows)
        texts = torch.cat([t.flatten() for t in kept])
        frequency = torch.bincount(texts, minlength=self.config.vocab) / len(texts)
        self.middle.copy_(frequency.to(self.middle) @ self.body.W_E)
        found = [(t[:, 1:-1], self.left(t)[:, :-2], self.right(t)[:, :-2]) for t in kept]
        words = torch.cat([w.flatten() for w, _, _ in found])
        views = torch.cat([torch.cat([a, b], -2).flatten(0, 1) for _, a, b in found])
        order = words.argsort(stable=True)
        counts = torch.bincount(words, minlength=self.config.vocab).tolist()
        self.M.zero_()
        self.log_v.zero_()
        for word, rows in enumerate(order.split(counts)):
            if len(rows):
                self._fit_word(word, views[rows[evenly(len(rows), self.config.most)]])

    def _fit_word(self, word: int, views: Float[Tensor, "occurrence four d_model"]) -> None:
        centres = k_means(views.flatten(1), self.config.senses).centres
        centres = centres.unflatten(-1, views.shape[1:])[:, :2]
        squared = (views[:, None, :2] - centres).square().sum((-1, -2)).amin(1)
        self.M[:, word] = centres
        self.log_v[word] = squared.mean().clamp_min(1e-6).log()

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input d"]:
        return self.body.representation(tokens)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return self.body.example_inputs(count, generator)

    def sites(self) -> Mapping[str, Site]:
        return {n: Site(f"body.{s.hook}", s.axis, s.index) for n, s in self.body.sites().items()}

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """The transformer's parts of the logits; those of a word's probability: `meanings`."""
        whole = self.body.decompose(tokens)
        names = {f"body.{n}": v for n, v in whole.state.items()}
        exactness = replace(whole.exactness, state=tuple(names))
        return replace(whole, exactness=exactness, state=names)

    def symmetry(self) -> Symmetry:
        """The transformer's, with the prototypes turned along; each word's meanings permute."""
        body = [f.prefixed("body.") for f in self.body.symmetry().factors]
        along = {
            "body.stream": (Action("M", -1, anchor=False), Action("middle", 0, anchor=False)),
            "body.offset": (Action("middle", 0, anchor=False),),
        }
        body = [replace(f, actions=(*f.actions, *along.get(f.name, ()))) for f in body]
        permuted = (Action("M", 0, copies_axis=1),)
        meanings = Factor("meanings", Permutation(len(self.M)), permuted, self.config.vocab)
        return Symmetry((*body, meanings))

    def interpretation(self) -> Interpretation:
        """The transformer's features, and how far apart the meanings of words lie."""
        M = weights(self)["M"].flatten(2)
        apart = (M - M.mean(0)).square().sum(-1).mean(0).sqrt()
        features = (
            Feature("meanings.apart", float(apart.mean()), "mean over words, rms about their mean"),
            Feature("meanings.furthest", float(apart.max()), "the same, the largest"),
        )
        body = self.body.interpretation()
        return replace(body, features=(*body.features, *features))


def _shifted(x: Float[Tensor, "*batch position d"], places: int) -> Tensor:
    """x of `places` later, zero where there is none."""
    return F.pad(x, (0, 0, 0, places))[..., places:, :]
