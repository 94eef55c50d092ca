"""The standard transformer on a binary operation: it reads a, then b, and the logits after b are
its answer (Power et al. 2022, arXiv 2201.02177, without the signs for operation and equality).

The declared symmetry is everything while order >= d_model and the order^2 pairs with their logits
tell the other parameters apart: order 12, d_model 8, d_mlp 32 has 100 flat directions, all
declared. Where 976 parameters there face 1728 logits, 552 against 729 (order 9, d_model 6, d_mlp
24) already has 67 for 57 declared, and order below d_model has far more (order 6, d_model 8: 280
for 100): there the declared group is a part.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpretable_arch.decomposition import Component, Decomposition
from interpretable_arch.edits import Site
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.models.transformer import Transformer, TransformerConfig
from interpretable_arch.symmetry import Symmetry


@dataclass(frozen=True)
class GroupTransformerConfig:
    """`order` elements; the rest as in `TransformerConfig`; `d_mlp` defaults to 4 d_model."""

    order: int
    d_model: int = 64
    layers: int = 1
    heads: int = 4
    d_mlp: int | None = None
    std: float = 0.02


EXAMPLES = {"plain": GroupTransformerConfig(order=9, d_model=6, heads=2, d_mlp=5, std=0.5)}


class GroupTransformer(nn.Module):
    """Pairs [batch, 2] to logits [batch, order]."""

    def __init__(self, config: GroupTransformerConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        mlp = {"class_path": "mlp", "init_args": {"d_mlp": c.d_mlp}}
        self.body = Transformer(
            TransformerConfig(c.order, 2, c.d_model, c.layers, c.heads, std=c.std, mlp=mlp)
        )

    def forward(self, pairs: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch order"]:
        return self.body(pairs)[..., -1, :]

    def representation(self, pairs: Int[Tensor, "input 2"]) -> Float[Tensor, "input d_model"]:
        return self.body.final(pairs)[..., -1, :]

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.order, (count, 2), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {n: Site(f"body.{s.hook}", s.axis, s.index) for n, s in self.body.sites().items()}

    def decompose(self, pairs: Int[Tensor, "*batch 2"]) -> Decomposition:
        """The transformer's parts, at the last position."""
        whole = self.body.decompose(pairs)
        parts = [
            Component(c.name, c.coefficient[..., -1, :], c.direction) for c in whole.components
        ]
        names = {f"body.{n}": v for n, v in whole.state.items()}
        exactness = replace(whole.exactness, state=tuple(names))
        return replace(whole, components=tuple(parts), exactness=exactness, state=names)

    def symmetry(self) -> Symmetry:
        return Symmetry(tuple(f.prefixed("body.") for f in self.body.symmetry().factors))

    def interpretation(self) -> Interpretation:
        return self.body.interpretation()
