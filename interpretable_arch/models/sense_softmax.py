"""A language model that predicts meanings of words: each output word is a matrix of k meanings.

    p(w, l | left) = exp(phi D(w)_l) / sum over (v, m) of exp(phi D(v)_m)
    p(w | left) = sum over l of p(w, l | left)

phi is the normed stream of a standard transformer after the words to the left, D(w) in R^{k x d}
the word's meaning vectors. Which meaning of w stands there is the posterior p(l | w, left). A
mixture over the outputs of one word, as in multi-prototype embeddings (Neelakantan et al. 2014,
arXiv 1504.06654), inside a language model.

Training gives a word's rows to the contexts in which it is likeliest, which need not be its
meanings: where phi tells contexts apart, one vector that points to two of them predicts a word of
two meanings as well as two vectors do. Only the narrowness of phi then rewards a split. On
pseudowords its picks stay below k-means on the same states (see docs/results_layers.md); for picks
that follow meaning take `meaning_prototypes`, which also looks at what follows.

With r = p(l | w, left) and s its scores, log sum_l exp s_l = sum_l r_l s_l + entropy(r): the logits
are one part per meaning and one for what the word leaves open, exact given r. `meanings` hands
over the probabilities p(w, l | left) themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.layers.block import Block, BlockConfig
from interpretable_arch.layers.norms import RMSNorm
from interpretable_arch.symmetries.groups import Orthogonal, Permutation, Translation
from interpretable_arch.symmetry import Action, Factor, Symmetry, weights

IGNORED = -100


@dataclass(frozen=True)
class SenseSoftmaxConfig:
    """`senses` meanings a word, started `apart` from each other (standard deviation)."""

    vocab: int
    context: int
    d_model: int = 128
    layers: int = 2
    heads: int = 4
    senses: int = 2
    d_mlp: int | None = None
    std: float = 0.02
    apart: float = 0.1

    def __post_init__(self) -> None:
        at_least_one(
            vocab=self.vocab,
            context=self.context,
            d_model=self.d_model,
            layers=self.layers,
            senses=self.senses,
        )


EXAMPLES = {
    "plain": SenseSoftmaxConfig(
        vocab=7, context=5, d_model=4, layers=1, heads=2, senses=3, d_mlp=3, std=0.5, apart=0.5
    )
}


class SenseSoftmax(nn.Module):
    """Tokens [batch, position] to logits [batch, position, vocab], log p(w) up to a constant.

    D [sense, vocab, d_model].
    """

    causal = True

    def __init__(self, config: SenseSoftmaxConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.W_E = nn.Parameter(torch.empty(c.vocab, c.d_model).normal_(std=c.std))
        self.W_pos = nn.Parameter(torch.empty(c.context, c.d_model).normal_(std=c.std))
        mlp = {"class_path": "mlp", "init_args": {"d_mlp": c.d_mlp}}
        block = BlockConfig(c.d_model, c.heads, depth=c.layers, std=c.std, mlp=mlp)
        self.blocks = nn.ModuleList(Block(block) for _ in range(c.layers))
        self.ln_final = RMSNorm()
        self.D = nn.Parameter(torch.empty(c.senses, c.vocab, c.d_model).normal_(std=c.apart))
        self.hook_scores, self.hook_posterior = HookPoint(), HookPoint()

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        scores = self.scores(self.state(tokens))
        if not self.hook_posterior.active:
            return scores.logsumexp(-2)
        posterior = self.hook_posterior(scores.softmax(-2))
        return (posterior * scores).sum(-2) + _entropy(posterior)

    def state(self, tokens: Int[Tensor, "*batch position"]) -> Float[Tensor, "*batch position d"]:
        """phi: the normed stream at each position, from which the next word is predicted."""
        if tokens.shape[-1] > self.config.context:
            wanted, got = self.config.context, tokens.shape[-1]
            raise ValueError(f"tokens: wanted at most {wanted} positions, got {got}")
        x = self.W_E[tokens] + self.W_pos[: tokens.shape[-1]]
        for block in self.blocks:
            x = block(x)
        return self.ln_final(x)

    def scores(
        self, state: Float[Tensor, "*batch position d"]
    ) -> Float[Tensor, "*batch position sense vocab"]:
        """phi D(w)_l: log p(w, l | left) up to a constant."""
        c = self.config
        flat = state @ self.D.flatten(0, 1).T
        return self.hook_scores(flat.unflatten(-1, (c.senses, c.vocab)))

    def loss(
        self, tokens: Int[Tensor, "*batch position"], targets: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, ""]:
        """The cross-entropy of `forward` in nats, without its logits: only the target's meanings
        are summed over."""
        joint = self.scores(self.state(tokens)).flatten(-2).log_softmax(-1)
        counted = targets != IGNORED
        word = torch.where(counted, targets, 0)[..., None]
        places = word + self.config.vocab * torch.arange(self.config.senses, device=word.device)
        own = joint.gather(-1, places).logsumexp(-1)
        return -(own * counted).sum() / counted.sum()

    def posterior(
        self, tokens: Int[Tensor, "*batch position"], words: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position sense"]:
        """p(l | w, left): which meaning of `words` stands after the tokens up to each position."""
        chosen = self.D[:, words].movedim(0, -2)
        return torch.einsum("...d,...sd->...s", self.state(tokens), chosen).softmax(-1)

    def meanings(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """p(w, l | left) as parts that sum to p(w | left), one per meaning; given phi."""
        state = self.state(tokens)
        joint = self.scores(state).flatten(-2).softmax(-1)
        joint = joint.unflatten(-1, (self.config.senses, self.config.vocab))
        words = torch.eye(self.config.vocab, dtype=state.dtype, device=state.device)
        parts = [Component(f"sense.{i}", joint[..., i, :], words) for i in range(joint.shape[-2])]
        exactness = Exactness.given("ln_final.phi")
        return Decomposition(tuple(parts), exactness, "probability", {"ln_final.phi": state})

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input d"]:
        """The state at every position, one row each."""
        return self.state(tokens).flatten(0, 1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.vocab, (count, self.config.context), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"sense.{i}": Site("hook_scores", -2, i) for i in range(self.config.senses)}

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """One part per meaning, and the entropy (nats) of which one it is."""
        _, cache = record(self, tokens, ["hook_scores", "hook_posterior"])
        scores, posterior = cache["hook_scores"], cache["hook_posterior"]
        words = torch.eye(self.config.vocab, dtype=scores.dtype, device=scores.device)
        weighed = posterior * scores
        parts = [Component(f"sense.{i}", weighed[..., i, :], words) for i in range(len(self.D))]
        parts.append(Component("ambiguity", _entropy(posterior), words))
        state = {"hook_posterior": posterior}
        return Decomposition(tuple(parts), Exactness.given(*state), "logits", state)

    def symmetry(self) -> Symmetry:
        """The stream rotates, embeddings trade a constant, each word's meanings permute."""
        c = self.config
        ends = [Action("W_E", -1, centred=True), Action("W_pos", -1, centred=True)]
        blocks = [(f"blocks.{i}.", b) for i, b in enumerate(self.blocks) if isinstance(b, Block)]
        inner = [Action("D", -1), *(a.prefixed(p) for p, b in blocks for a in b.residual_actions())]
        followers = [replace(a, anchor=False) for a in inner]
        moved = (Action("W_E", -1, "direct"), Action("W_pos", -1, "dual"))
        factors = [
            Factor("stream", Orthogonal(c.d_model), (*ends, *followers)),
            Factor("offset", Translation(c.d_model), moved),
            Factor("meanings", Permutation(c.senses), (Action("D", 0, "direct", 1),), c.vocab),
        ]
        factors += [f.prefixed(p) for p, b in blocks for f in b.symmetry().factors]
        return Symmetry(tuple(factors))

    def interpretation(self) -> Interpretation:
        """How far apart the meanings of a word lie, over the vocabulary, and how long they are."""
        D = weights(self)["D"]
        spread = (D - D.mean(0)).square().sum(-1).mean(0).sqrt()
        size = D.square().sum(-1).mean(0).sqrt()
        return Interpretation(
            "",
            (
                Feature("meanings.apart", float(spread.mean()), "mean over words, rms about mean"),
                Feature("meanings.furthest", float(spread.max()), "the same, the largest"),
                Feature("meanings.size", float(size.mean()), "mean over words, rms length"),
            ),
        )


def _entropy(p: Float[Tensor, "*index sense vocab"]) -> Float[Tensor, "*index vocab"]:
    """-sum p log p over senses, in nats; 0 log 0 = 0."""
    return -torch.xlogy(p, p).sum(-2)
