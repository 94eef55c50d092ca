"""One pre-norm residual block, x + attention(norm x), then x + mlp(norm x).

The mlp is any registered layer that maps [.., d_model] to [.., d_model]; one with `reads_token`
maps [.., 2 d_model], the normed stream beside the token's own embedding. Hooks carry
TransformerLens' names. A block's output is the sum of what came in, each head and the mlp.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.layers.attention import Attention, AttentionConfig
from interpretable_arch.layers.norms import RMSNorm
from interpretable_arch.layers.placed import check_shape, placed
from interpretable_arch.symmetry import Action, Symmetry


@dataclass(frozen=True)
class BlockConfig:
    """`mlp` names the layer in the mlp's place: {class_path: mixture, init_args: {experts: 8}}.

    `depth` is the number of blocks in the whole model: what writes to the residual stream starts
    smaller by sqrt(2 depth) (Radford et al. 2019).
    """

    d_model: int
    heads: int = 4
    rotary: bool = False
    bias: bool = False
    depth: int = 1
    std: float = 0.02
    mlp: Mapping[str, Any] = field(default_factory=lambda: {"class_path": "mlp"})


EXAMPLES = {
    "plain": BlockConfig(
        d_model=4, heads=2, std=0.5, mlp={"class_path": "mlp", "init_args": {"d_mlp": 5}}
    ),
}


class Block(nn.Module):
    """Attention and mlp, each reading a normed copy of the stream and adding to it."""

    causal = True

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self.config = config
        c, out = config, config.std / (2 * config.depth) ** 0.5
        self.hook_resid_pre, self.hook_resid_mid = HookPoint(), HookPoint()
        self.hook_attn_out, self.hook_mlp_out = HookPoint(), HookPoint()
        self.hook_resid_post = HookPoint()
        self.ln1, self.ln2 = RMSNorm(), RMSNorm()
        self.attn = Attention(AttentionConfig(c.d_model, c.heads, c.rotary, c.bias, c.std, out))
        sizes = {"d_model": c.d_model, "bias": c.bias, "std": c.std, "std_out": out}
        self.mlp: Any = mlp_layer(c.mlp, sizes)

    def forward(
        self,
        x: Float[Tensor, "*batch position d_model"],
        token: Float[Tensor, "*batch position d_model"] | None = None,
    ) -> Float[Tensor, "*batch position d_model"]:
        """`token` is each position's own embedding, for a layer that reads it."""
        x = self.hook_resid_pre(x)
        x = self.hook_resid_mid(x + self.hook_attn_out(self.attn(self.ln1(x))))
        return self.hook_resid_post(x + self.hook_mlp_out(self.mlp(self.reads(x, token))))

    def reads(self, x: Tensor, token: Tensor | None) -> Tensor:
        """What the mlp reads of the stream, [.., d_model], or with the token beside it."""
        normed = self.ln2(x)
        if not getattr(self.mlp, "reads_token", False):
            return normed
        if token is None:
            raise ValueError("token: wanted the tokens' embeddings, which the mlp reads, got none")
        return torch.cat([normed, token.expand_as(normed)], -1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        heads = {
            f"attn.{n}": Site(f"attn.{s.hook}", s.axis, s.index)
            for n, s in self.attn.sites().items()
        }
        inner = {
            f"mlp.{n}": Site(f"mlp.{s.hook}", s.axis, s.index)
            for n, s in getattr(self.mlp, "sites", dict)().items()
        }
        return {**heads, "mlp": Site("hook_mlp_out"), **inner}

    def state(self) -> list[str]:
        """The hooks that, held, make the block's output linear in its input."""
        return ["ln1.hook_scale", "attn.hook_pattern", "hook_mlp_out"]

    def writes(self, cache: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
        """What each head and the mlp add to the stream, [.., d_model], from recorded hooks."""
        z = cache[f"{prefix}attn.hook_z"]
        out = {
            f"{prefix}attn.head.{h}": z[..., h, :] @ self.attn.W_O[h]
            for h in range(self.config.heads)
        }
        if self.attn.b_O is not None:
            out[f"{prefix}attn.bias"] = self.attn.b_O.expand(*z.shape[:-2], -1)
        return {**out, f"{prefix}mlp": cache[f"{prefix}hook_mlp_out"]}

    def written(self) -> list[str]:
        return ["attn.hook_z", "hook_mlp_out"]

    def decompose(self, x: Float[Tensor, "*batch position d_model"]) -> Decomposition:
        """The stream as it came, each head, the mlp."""
        _, cache = record(self, x, {*self.written(), *self.state()})
        direction = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
        writes = {"input": x, **self.writes(cache)}
        parts = tuple(Component(n, w, direction) for n, w in writes.items())
        state = {n: cache[n] for n in self.state()}
        return Decomposition(parts, Exactness.given(*state), "activation", state)

    def residual_actions(self) -> list[Action]:
        return [
            a.prefixed(f"{n}.")
            for n, m in self._layers()
            for a in getattr(m, "residual_actions", list)()
        ]

    @property
    def turns_with_stream(self) -> bool:
        """Whether every layer says how a change of the stream's basis acts on it."""
        return all(hasattr(m, "residual_actions") for _, m in self._layers())

    def symmetry(self) -> Symmetry:
        """Those of its layers; the stream itself is shared with the rest of the model."""
        return Symmetry(
            tuple(f.prefixed(f"{n}.") for n, m in self._layers() for f in m.symmetry().factors)
        )

    def interpretation(self) -> Interpretation:
        features = []
        for name, layer in self._layers():
            read = layer.interpretation().features
            features += [Feature(f"{name}.{f.name}", f.value, f.description) for f in read]
        return Interpretation("", tuple(features))

    def _layers(self) -> list[tuple[str, Any]]:
        return [("attn", self.attn), ("mlp", self.mlp)]


def mlp_layer(part: Mapping[str, Any], sizes: Mapping[str, Any]) -> nn.Module:
    """The layer that `part` names, its open arguments from `sizes`.

    Raises ValueError for a layer that doesn't map [.., d_model] to itself.
    """
    layer = placed("mlp", part, sizes)
    d_model = sizes["d_model"]
    width = (1 + getattr(layer, "reads_token", False)) * d_model
    check_shape("mlp", part, layer, width, d_model)
    return layer
