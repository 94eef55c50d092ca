"""The standard pre-norm transformer, the honest baseline (Radford et al. 2019).

logits = norm(x) W_U, and x is the sum of the token's and the position's embedding, what each head
wrote and what each mlp wrote: given the final norm's scale, the logits are that sum too. Norms
have no gain (see `layers.norms`). Tied, W_U = gain W_E^T with one number as gain: without it the
size of W_E would set both what tokens write and how sure the logits are, which costs 3 to 4% of
the loss. Stored GPT-2 weights fold into this form exactly.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness, compose
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.layers.block import Block, BlockConfig
from interpretable_arch.layers.norms import RMSNorm
from interpretable_arch.maths.copying import copying_scores
from interpretable_arch.registry import nearest
from interpretable_arch.symmetries.groups import Orthogonal, Permutation, Translation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class TransformerConfig:
    """`mlp` names the layer in the mlp's place: {class_path: mixture, init_args: {k: 2}}.

    A list of such parts, one for each block, mixes layers in one stack.
    """

    vocab: int
    context: int
    d_model: int = 128
    layers: int = 2
    heads: int = 4
    positions: Literal["learned", "rotary"] = "learned"
    tied: bool = False
    bias: bool = False
    std: float = 0.02
    mlp: Mapping[str, Any] | tuple[Mapping[str, Any], ...] = field(
        default_factory=lambda: {"class_path": "mlp"}
    )

    def __post_init__(self) -> None:
        if not isinstance(self.mlp, Mapping) and len(self.mlp) != self.layers:
            wanted = f"one part for each of {self.layers} layers"
            raise ValueError(f"mlp: wanted {wanted}, or one for all, got {len(self.mlp)}")
        at_least_one(
            vocab=self.vocab, context=self.context, d_model=self.d_model, layers=self.layers
        )
        if self.positions not in ("learned", "rotary"):
            raise ValueError(f"positions: wanted learned or rotary, got {self.positions!r}")


_TINY: dict[str, Any] = {
    "vocab": 7,
    "context": 5,
    "d_model": 6,
    "heads": 2,
    "std": 0.5,
    "mlp": {"class_path": "mlp", "init_args": {"d_mlp": 5}},
}
EXAMPLES = {
    "learned": TransformerConfig(**_TINY),
    "tied": TransformerConfig(**_TINY, tied=True, layers=1),
    "bias": TransformerConfig(**_TINY, bias=True, layers=1),
    "mixture": TransformerConfig(
        **{
            **_TINY,
            "layers": 1,
            "mlp": {"class_path": "mixture", "init_args": {"experts": 3, "k": 2, "d_expert": 3}},
        }
    ),
    "rotary": TransformerConfig(**{**_TINY, "d_model": 4}, positions="rotary"),
    "mixed": TransformerConfig(
        **{
            **_TINY,
            "std": 0.8,
            "vocab": 12,  # fewer tokens couldn't tell the senses' hidden units apart
            "d_model": 4,
            "mlp": (
                {"class_path": "bilinear", "init_args": {"d_hidden": 3}},
                {"class_path": "row_senses", "init_args": {"senses": 2, "d_hidden": 3}},
            ),
        }
    ),
    "splines": TransformerConfig(
        **{
            **_TINY,
            "d_model": 4,
            "layers": 1,
            "mlp": {"class_path": "spline", "init_args": {"grid": 2}},
        }
    ),
}


class Transformer(nn.Module):
    """Tokens [batch, position] to logits [batch, position, vocab]."""

    causal = True

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        rotary = c.positions == "rotary"
        self.W_E = nn.Parameter(torch.empty(c.vocab, c.d_model).normal_(std=c.std))
        shape = (c.context, c.d_model)
        self.W_pos = None if rotary else nn.Parameter(torch.empty(shape).normal_(std=c.std))
        mlps = [c.mlp] * c.layers if isinstance(c.mlp, Mapping) else c.mlp
        sizes = (c.d_model, c.heads, rotary, c.bias, c.layers, c.std)
        self.blocks = nn.ModuleList(Block(BlockConfig(*sizes, mlp)) for mlp in mlps)
        self.ln_final = RMSNorm()
        unembedding = torch.empty(c.d_model, c.vocab).normal_(std=c.std)
        self.W_U = None if c.tied else nn.Parameter(unembedding)
        self.gain = nn.Parameter(torch.ones(1)) if c.tied else None
        self.b_U = nn.Parameter(torch.zeros(c.vocab)) if c.bias else None
        self.hook_embed, self.hook_pos_embed = HookPoint(), HookPoint()

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        logits = self.final(tokens) @ self.unembedding()
        return logits if self.b_U is None else logits + self.b_U

    def final(self, tokens: Int[Tensor, "*batch position"]) -> Tensor:
        """The normed stream that the unembedding reads, [*batch, position, d_model]."""
        if tokens.shape[-1] > self.config.context:
            wanted, got = self.config.context, tokens.shape[-1]
            raise ValueError(f"tokens: wanted at most {wanted} positions, got {got}")
        x = token = self.hook_embed(self.W_E[tokens])
        if self.W_pos is not None:
            x = x + self.hook_pos_embed(self.W_pos[: tokens.shape[-1]])
        for block in self.blocks:
            x = block(x, token)
        return self.ln_final(x)

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input d"]:
        """The final normed stream at every position, one row each."""
        return self.final(tokens).flatten(0, 1)

    def unembedding(self) -> Float[Tensor, "d_model vocab"]:
        if self.gain is not None:
            return self.gain * self.W_E.T
        assert self.W_U is not None, "untied"
        return self.W_U

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        shape = (count, self.config.context)
        return torch.randint(self.config.vocab, shape, generator=generator)

    def _blocks(self) -> list[tuple[str, Block]]:
        return [(f"blocks.{i}.", b) for i, b in enumerate(self.blocks) if isinstance(b, Block)]

    def sites(self) -> Mapping[str, Site]:
        sites = {"embed": Site("hook_embed")}
        if self.W_pos is not None:
            sites["pos_embed"] = Site("hook_pos_embed")
        for prefix, block in self._blocks():
            for name, s in block.sites().items():
                sites[prefix + name] = Site(prefix + s.hook, s.axis, s.index)
        return sites

    def state(self) -> list[str]:
        inner = [prefix + n for prefix, b in self._blocks() for n in b.state()]
        return [*inner, "ln_final.hook_scale"]

    def decompose(
        self, tokens: Int[Tensor, "*batch position"], within: Sequence[str] = ()
    ) -> Decomposition:
        """Embedding, position, each head, each mlp (and biases), through the final scale.

        `within` names mlps to take apart into their own parts: ["blocks.0.mlp"]. ValueError for
        one that is none, or has no parts.
        """
        blocks = {f"{prefix}mlp": block for prefix, block in self._blocks()}
        for name in within:
            if name not in blocks or not hasattr(blocks[name].mlp, "decompose"):
                raise ValueError(nearest("within", name, blocks))
        written = [prefix + n for prefix, b in self._blocks() for n in b.written()]
        embeds = ["hook_embed"] if self.W_pos is None else ["hook_embed", "hook_pos_embed"]
        read = [f"{name.removesuffix('mlp')}hook_resid_mid" for name in within]
        _, cache = record(self, tokens, {*embeds, *written, *read, *self.state()})
        writes = {"embed": cache["hook_embed"]}
        if self.W_pos is not None:
            writes["pos_embed"] = cache["hook_pos_embed"].expand_as(writes["embed"])
        for prefix, block in self._blocks():
            writes |= block.writes(cache, prefix)
        scale, direction = cache["ln_final.hook_scale"], self.unembedding()
        inner = {
            name: blocks[name].mlp.decompose(blocks[name].reads(cache[hook], cache["hook_embed"]))
            for name, hook in zip(within, read, strict=True)
        }
        parts = [Component(n, w / scale, direction) for n, w in writes.items() if n not in inner]
        parts += [
            Component(f"{name}.{c.name}", c.coefficient / scale, c.direction @ direction)
            for name, found in inner.items()
            for c in found.components
        ]
        if self.b_U is not None:
            parts.append(Component("bias", torch.ones_like(scale), self.b_U[None]))
        state = {n: cache[n] for n in self.state()}
        state |= {f"{name}.{n}": v for name, found in inner.items() for n, v in found.state.items()}
        stages = [(p.rstrip("."), Exactness.given(*b.state())) for p, b in self._blocks()]
        stages += [(name, found.exactness) for name, found in inner.items()]
        exactness = compose([*stages, ("ln_final", Exactness.given("hook_scale"))])
        exactness = replace(exactness, state=tuple(state))
        return Decomposition(tuple(parts), exactness, "logits", state)

    def symmetry(self) -> Symmetry:
        """The stream rotates; embeddings trade a constant; then the symmetries of each layer."""
        # A layer that reads the token's own embedding tells it from the position's.
        free = self.W_pos is not None and self.W_U is not None
        free = free and not any(getattr(m, "reads_token", False) for m in self.modules())
        ends = [Action("W_E", -1, centred=free)]
        if self.W_pos is not None:
            ends.append(Action("W_pos", -1, centred=free))
        if self.W_U is not None:
            ends.append(Action("W_U", 0))
        inner = [
            replace(a.prefixed(p), anchor=False)
            for p, b in self._blocks()
            for a in b.residual_actions()
        ]
        factors = self._stream((*ends, *inner))
        if free:
            moved = (Action("W_E", -1, "direct"), Action("W_pos", -1, "dual"))
            factors.append(Factor("offset", Translation(self.config.d_model), moved))
        factors += [f.prefixed(p) for p, b in self._blocks() for f in b.symmetry().factors]
        return Symmetry(tuple(factors))

    def _stream(self, actions: tuple[Action, ...]) -> list[Factor]:
        """The changes of the stream's basis that every layer allows."""
        d = self.config.d_model
        if not all(b.turns_with_stream for _, b in self._blocks()):
            return []  # coordinates have different roles
        if any(getattr(m, "fixes_basis", False) for m in self.modules()):
            # A layer that acts coordinate by coordinate leaves their order free.
            return [Factor("stream", Permutation(d), actions, key=coordinates)]
        # The rotation is fitted on what the vocabulary anchors; inner matrices only follow.
        return [Factor("stream", Orthogonal(d), actions)]

    def interpretation(self) -> Interpretation:
        """Sizes of every circuit, and how far each head copies; heads in order of size."""
        symmetry = self.symmetry()
        parameters = symmetry.canonical(weights(self))
        # Coordinates that may change places are in canonical order too: their numbers are ranks.
        free = any(isinstance(f.group, Permutation) for f in symmetry.factors if f.name == "stream")
        coordinate = "mlp.input.rank." if free else "mlp.input."
        read = deepcopy(self)
        read.load_state_dict(parameters)
        features, copying, what = [], 0, "sum lambda / sum |lambda|"
        for prefix, block in read._blocks():
            features += [
                replace(f, name=prefix + f.name.replace("mlp.input.", coordinate))
                for f in block.interpretation().features
            ]
            a, W_U = block.attn, read.unembedding()
            scores = copying_scores(read.W_E, a.W_V, a.W_O, W_U).tolist()
            for h, score in enumerate(scores):
                features.append(ranked(f"{prefix}attn.head", h, "copying", score, what))
                copying += int(score > 0.5)
        heads = self.config.layers * self.config.heads
        return Interpretation(f"{copying} of {heads} heads copy", tuple(features))


def coordinates(parameters: Parameters) -> Float[Tensor, "d_model feature"]:
    """What the ends of the model hold of each coordinate of the stream, whatever the offset."""
    ends = [parameters[n].T for n in ("W_E", "W_pos") if n in parameters]
    rows = [e - e.mean(1, keepdim=True) for e in ends]
    return torch.cat([*rows, parameters["W_U"]] if "W_U" in parameters else rows, 1)
