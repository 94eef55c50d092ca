"""Backpack language model: the token as a matrix whose rows are meanings (Hewitt et al. 2023,
arXiv 2305.16765).

    output_t = sum over j <= t, l of alpha[t, j, l] C(x_j)_l,      logits = output W_E^T

C(x)_l are a token's sense vectors, without context; a transformer only says how much each sense
of each word weighs. Given the weights alpha, the logits are a sum over senses of words: no norm
stands after the sum, so that an edit of a sense means the same thing everywhere.
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
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.layers.block import Block, BlockConfig
from interpretable_arch.layers.norms import RMSNorm
from interpretable_arch.layers.senses import Senses, SensesConfig
from interpretable_arch.symmetries.groups import GeneralLinear, Orthogonal, Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class BackpackConfig:
    """`senses` per token must divide `d_model`; `d_hidden` (of the sense network): 4 d_model."""

    vocab: int
    context: int
    d_model: int = 128
    layers: int = 2
    heads: int = 4
    senses: int = 8
    d_hidden: int | None = None
    d_mlp: int | None = None
    std: float = 0.02

    def __post_init__(self) -> None:
        at_least_one(
            vocab=self.vocab, context=self.context, d_model=self.d_model, layers=self.layers
        )
        if self.senses < 1 or self.d_model % self.senses:
            raise ValueError(f"senses: must divide d_model = {self.d_model}, got {self.senses}")

    @property
    def d_head(self) -> int:
        return self.d_model // self.senses


EXAMPLES = {
    "plain": BackpackConfig(
        vocab=9, context=4, d_model=4, layers=1, heads=2, senses=2, d_hidden=4, d_mlp=3, std=0.5
    )
}


class Backpack(nn.Module):
    """Tokens [batch, position] to logits [batch, position, vocab]."""

    causal = True

    def __init__(self, config: BackpackConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.W_E = nn.Parameter(torch.empty(c.vocab, c.d_model).normal_(std=c.std))
        self.W_pos = nn.Parameter(torch.empty(c.context, c.d_model).normal_(std=c.std))
        mlp = {"class_path": "mlp", "init_args": {"d_mlp": c.d_mlp}}
        block = BlockConfig(c.d_model, c.heads, depth=c.layers, std=c.std, mlp=mlp)
        self.blocks = nn.ModuleList(Block(block) for _ in range(c.layers))
        self.ln_final = RMSNorm()
        self.W_Q = nn.Parameter(torch.empty(c.d_model, c.senses, c.d_head).normal_(std=c.std))
        self.W_K = nn.Parameter(torch.empty(c.d_model, c.senses, c.d_head).normal_(std=c.std))
        self.senses = Senses(SensesConfig(c.d_model, c.senses, c.d_hidden, c.std))
        self.hook_alpha = HookPoint()

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        return self.output(tokens) @ self.W_E.T

    def output(self, tokens: Int[Tensor, "*batch position"]) -> Float[Tensor, "*batch position d"]:
        """The weighted sum of sense vectors that the unembedding reads."""
        alpha = self.hook_alpha(self.weigh(tokens))
        meanings = self.meanings()[tokens].transpose(-3, -2)
        # Senses and sources side by side: one product sums over both.
        side_by_side = alpha.transpose(-3, -2).flatten(-2)
        return side_by_side @ meanings.flatten(-3, -2)

    def meanings(self) -> Float[Tensor, "vocab sense d_model"]:
        """C(v) for the whole vocabulary: the table of senses."""
        return self.senses(self.W_E).unflatten(-1, (self.config.senses, self.config.d_model))

    def weigh(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch sense target source"]:
        """alpha: how much each sense of each earlier token counts at each position; sums to 1."""
        if tokens.shape[-1] > self.config.context:
            wanted, got = self.config.context, tokens.shape[-1]
            raise ValueError(f"tokens: wanted at most {wanted} positions, got {got}")
        x = self.W_E[tokens] + self.W_pos[: tokens.shape[-1]]
        for block in self.blocks:
            x = block(x)
        x = self.ln_final(x)
        q, k = (
            (x @ w.flatten(1)).unflatten(-1, (self.config.senses, -1)).transpose(-3, -2)
            for w in (self.W_Q, self.W_K)
        )
        scores = q @ k.transpose(-2, -1) * self.config.d_head**-0.5
        future = torch.full(scores.shape[-2:], -torch.inf, dtype=x.dtype, device=x.device).triu(1)
        return (scores + future).softmax(-1)

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input d"]:
        """The output sum at every position, one row each."""
        return self.output(tokens).flatten(0, 1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.vocab, (count, self.config.context), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"sense.{i}": Site("hook_alpha", -3, i) for i in range(self.config.senses)}

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """One part per sense, summed over the words that carry it."""
        _, cache = record(self, tokens, ["hook_alpha"])
        alpha, meanings = cache["hook_alpha"], self.meanings()[tokens].transpose(-3, -2)
        written, direction = alpha @ meanings, self.W_E.T
        parts = [
            Component(f"sense.{i}", written[..., i, :, :], direction)
            for i in range(self.config.senses)
        ]
        exactness = Exactness.given(*cache, set_by=["alpha"])
        return Decomposition(tuple(parts), exactness, "logits", cache)

    def symmetry(self) -> Symmetry:
        """The stream rotates; senses permute; each sense's weighing keeps a change of basis."""
        c = self.config
        ends = [Action("W_E", -1), Action("W_pos", -1)]
        inner = [Action("W_Q", 0), Action("W_K", 0)]
        inner += [a.prefixed("senses.") for a in self.senses.residual_actions()]
        blocks = [(f"blocks.{i}.", b) for i, b in enumerate(self.blocks) if isinstance(b, Block)]
        inner += [a.prefixed(p) for p, b in blocks for a in b.residual_actions()]
        followers = [replace(a, anchor=False) for a in inner]
        permuted = (Action("W_Q", 1), Action("W_K", 1), Action("senses.W_out", 1))
        weighing = (Action("W_Q", 2, "direct", 1), Action("W_K", 2, "dual", 1))
        factors = [
            Factor("stream", Orthogonal(c.d_model), (*ends, *followers)),
            Factor("senses", Permutation(c.senses), permuted, key=weighings),
            Factor("weighing", GeneralLinear(c.d_head), weighing, c.senses),
        ]
        factors += [f.prefixed("senses.") for f in self.senses.symmetry().factors]
        factors += [f.prefixed(p) for p, b in blocks for f in b.symmetry().factors]
        return Symmetry(tuple(factors))

    def interpretation(self) -> Interpretation:
        """Per sense, in order of size: how sharply it is weighed and how much it can write."""
        parameters = self.symmetry().canonical(weights(self))
        sharp = weighings(parameters).norm(dim=1)
        size = parameters["senses.W_out"].movedim(1, 0).flatten(1).norm(dim=1)
        features = []
        for i in range(self.config.senses):
            features.append(ranked("sense", i, "weighed", float(sharp[i]), "norm of W_Q W_K^T"))
            features.append(ranked("sense", i, "writes", float(size[i]), "norm of its W_out"))
        return Interpretation("", tuple(features))


def weighings(parameters: Parameters) -> Float[Tensor, "sense feature"]:
    """W_Q W_K^T per sense, flat: what a change of basis inside a sense leaves unchanged."""
    return torch.einsum("dsk,esk->sde", parameters["W_Q"], parameters["W_K"]).flatten(1)
