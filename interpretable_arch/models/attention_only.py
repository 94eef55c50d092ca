"""Attention-only transformer: layers of attention and nothing else (Elhage et al. 2021,
transformer-circuits.pub/2021/framework).

    x_0 = W_E[token],   x_{l+1} = x_l + sum_h A_{l,h} x_l W_V W_O,   logits = x_L W_U

No norm and no mlp: given the patterns A alone, the logits are linear in the tokens, a sum over
paths through heads. Positions are rotary (Su et al. 2021, arXiv 2104.09864), which turn queries
and keys only: the stream holds nothing but what heads moved from tokens.
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
from interpretable_arch.layers.attention import Attention, AttentionConfig
from interpretable_arch.maths.copying import copying_scores
from interpretable_arch.readings.circuit_graph import circuit_graph
from interpretable_arch.symmetries.groups import GeneralLinear
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class AttentionOnlyConfig:
    """`std` is the standard deviation of every matrix at the start: without norms, a small one
    would leave the product of three matrices in a head, and its gradient, near zero."""

    vocab: int
    context: int
    d_model: int = 32
    layers: int = 2
    heads: int = 2
    std: float = 0.2

    def __post_init__(self) -> None:
        at_least_one(
            vocab=self.vocab, context=self.context, d_model=self.d_model, layers=self.layers
        )


EXAMPLES = {
    "two": AttentionOnlyConfig(vocab=7, context=5, d_model=4, heads=2, std=0.5),
    "one": AttentionOnlyConfig(vocab=7, context=5, d_model=4, layers=1, heads=2, std=0.5),
}


class AttentionBlock(nn.Module):
    """x + attention(x)."""

    def __init__(self, config: AttentionConfig) -> None:
        super().__init__()
        self.attn = Attention(config)
        self.hook_resid_post = HookPoint()

    def forward(
        self, x: Float[Tensor, "*batch position d_model"]
    ) -> Float[Tensor, "*batch position d_model"]:
        return self.hook_resid_post(x + self.attn(x))

    def moved(
        self,
        pattern: Float[Tensor, "*batch head query key"],
        x: Float[Tensor, "*batch position d_model"],
    ) -> Float[Tensor, "*batch head position d_model"]:
        """What each head writes when its pattern is held and it reads values from x."""
        values = torch.einsum("...kd,dhv->...hkv", x, self.attn.W_V)
        return torch.einsum("...hqk,...hkv,hvd->...hqd", pattern, values, self.attn.W_O)


class AttentionOnly(nn.Module):
    """Tokens [batch, position] to logits [batch, position, vocab]."""

    causal = True

    def __init__(self, config: AttentionOnlyConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.W_E = nn.Parameter(torch.empty(c.vocab, c.d_model).normal_(std=c.std))
        inside = AttentionConfig(c.d_model, c.heads, rotary=True, std=c.std)
        self.blocks = nn.ModuleList(AttentionBlock(inside) for _ in range(c.layers))
        self.W_U = nn.Parameter(torch.empty(c.d_model, c.vocab).normal_(std=c.std))
        self.hook_embed = HookPoint()

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        return self.final(tokens) @ self.W_U

    def final(self, tokens: Int[Tensor, "*batch position"]) -> Tensor:
        """The stream that the unembedding reads, [*batch, position, d_model]."""
        if tokens.shape[-1] > self.config.context:
            wanted, got = self.config.context, tokens.shape[-1]
            raise ValueError(f"tokens: wanted at most {wanted} positions, got {got}")
        x = self.hook_embed(self.W_E[tokens])
        for block in self.blocks:
            x = block(x)
        return x

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input d"]:
        """The final stream at every position, one row each."""
        return self.final(tokens).flatten(0, 1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        shape = (count, self.config.context)
        return torch.randint(self.config.vocab, shape, generator=generator)

    def _blocks(self) -> list[tuple[str, AttentionBlock]]:
        found = enumerate(self.blocks)
        return [(f"blocks.{i}.attn.", b) for i, b in found if isinstance(b, AttentionBlock)]

    def heads(self, layer: int) -> list[str]:
        """The names of a layer's heads, as edits and parts know them."""
        return [f"blocks.{layer}.attn.head.{h}" for h in range(self.config.heads)]

    def sites(self) -> Mapping[str, Site]:
        sites = {"embed": Site("hook_embed")}
        for prefix, block in self._blocks():
            for name, s in block.attn.sites().items():
                sites[prefix + name] = Site(prefix + s.hook, s.axis, s.index)
        return sites

    def state(self) -> list[str]:
        return [f"{prefix}hook_pattern" for prefix, _ in self._blocks()]

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """The direct path `embed`, and each head with all that it reads from earlier ones."""
        values = [f"{prefix}hook_z" for prefix, _ in self._blocks()]
        _, cache = record(self, tokens, ["hook_embed", *values, *self.state()])
        writes = {"embed": cache["hook_embed"]}
        for layer, (prefix, block) in enumerate(self._blocks()):
            z = cache[f"{prefix}hook_z"]
            for h, name in enumerate(self.heads(layer)):
                writes[name] = z[..., h, :] @ block.attn.W_O[h]
        return self._as_parts(writes, cache)

    def paths(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """The same logits by path: `embed`, each head reading the embedding alone, each virtual
        head `first > second` (a head that reads what an earlier one wrote), and, in models of
        three layers or more, all `longer paths` together."""
        _, cache = record(self, tokens, ["hook_embed", *self.state()])
        x = cache["hook_embed"]
        single: dict[str, Tensor] = {}
        virtual: dict[str, Tensor] = {}
        longer = torch.zeros_like(x)
        for layer, (prefix, block) in enumerate(self._blocks()):
            pattern, names = cache[f"{prefix}hook_pattern"], self.heads(layer)
            found = {
                f"{first} > {name}": write
                for first, x_first in single.items()
                for name, write in zip(names, block.moved(pattern, x_first).unbind(-3), strict=True)
            }
            read = sum(virtual.values(), longer)
            longer = longer + block.moved(pattern, read).sum(-3)
            virtual |= found
            single |= dict(zip(names, block.moved(pattern, x).unbind(-3), strict=True))
        writes = {"embed": x, **single, **virtual}
        if self.config.layers > 2:
            writes["longer paths"] = longer
        return self._as_parts(writes, cache)

    def _as_parts(self, writes: Mapping[str, Tensor], cache: Mapping[str, Tensor]) -> Decomposition:
        parts = tuple(Component(n, w, self.W_U) for n, w in writes.items())
        state = {n: cache[n] for n in self.state()}
        set_by = [prefix.rstrip(".") for prefix, _ in self._blocks()]
        return Decomposition(parts, Exactness.given(*state, set_by=set_by), "logits", state)

    def symmetry(self) -> Symmetry:
        """Without norms the stream takes any change of basis; then what each layer keeps."""
        ends = (Action("W_E", -1), Action("W_U", 0, "dual"))
        inner = [
            replace(a.prefixed(p), anchor=False, side="dual" if a.axis == 0 else "direct")
            for p, b in self._blocks()
            for a in b.attn.residual_actions()
        ]
        stream = Factor("stream", GeneralLinear(self.config.d_model), (*ends, *inner))
        layers = [f.prefixed(p) for p, b in self._blocks() for f in b.attn.symmetry().factors]
        return Symmetry((stream, *layers))

    def interpretation(self) -> Interpretation:
        """Heads of a layer in order of how much they can write; how far each copies; the graph."""
        c, parameters = self.config, by_size(weights(self), self.config.layers)
        scores = copying_by_head(parameters, c.layers, "head.rank")
        what = "sum lambda / sum |lambda|; in order of size"
        features = [Feature(f"{n}.copying", s, what) for n, s in scores.items()]
        count = sum(s > 0.5 for s in scores.values())
        graph = circuit_graph(parameters, c.layers, c.context, "head.rank")
        return Interpretation(f"{count} of {len(scores)} heads copy", tuple(features), graph=graph)


def by_size(parameters: Parameters, layers: int) -> dict[str, Tensor]:
    """The same model with each layer's heads in falling order of ||W_E W_V W_O W_U||."""
    out = dict(parameters)
    for prefix in (f"blocks.{i}.attn." for i in range(layers)):
        read = torch.einsum("vd,dhk->hvk", parameters["W_E"], parameters[f"{prefix}W_V"])
        write = parameters[f"{prefix}W_O"] @ parameters["W_U"]
        order = (read @ write).norm(dim=(1, 2)).argsort(descending=True)
        for name, axis in (("W_Q", 1), ("W_K", 1), ("W_V", 1), ("W_O", 0)):
            out[prefix + name] = parameters[prefix + name].index_select(axis, order)
    return out


def copying_by_head(parameters: Parameters, layers: int, head: str = "head") -> dict[str, float]:
    """How far each head copies, in [-1, 1], by its name `blocks.0.attn.head.1`.

    `head` is what the names call one: `head.rank` where heads were put in order of size.
    """
    W_E, W_U, scores = parameters["W_E"], parameters["W_U"], {}
    for prefix in (f"blocks.{i}.attn." for i in range(layers)):
        W_V, W_O = parameters[f"{prefix}W_V"], parameters[f"{prefix}W_O"]
        found = copying_scores(W_E, W_V, W_O, W_U).tolist()
        scores |= {f"{prefix}{head}.{h}": score for h, score in enumerate(found)}
    return scores
