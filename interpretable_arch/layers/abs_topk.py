"""A layer that reads and writes few coordinates of the stream: AbsTopK on both sides of it
(Gao et al. 2025, arXiv 2511.13653).

    y = abstopk(f(abstopk(x))),   abstopk(x)_i = x_i where |x_i| is among the k largest, else 0

f is any registered layer. Which coordinates are kept is recorded; given that, each part of f is a
part here, cut to the coordinates written. Coordinates mean something: the stream can't be rotated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.decomposition import ORDER, Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.layers.placed import check_alone, check_shape, placed
from interpretable_arch.maths.sparsity import abs_topk_mask
from interpretable_arch.symmetry import Action, Symmetry


@dataclass(frozen=True)
class AbsTopKConfig:
    """`k` coordinates are read and `k` written; `layer` names f: {class_path: mlp}."""

    d_model: int
    k: int
    layer: Mapping[str, Any] = field(default_factory=lambda: {"class_path": "mlp"})
    bias: bool = False
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.d_model:
            raise ValueError(f"k: wanted 1 to d_model = {self.d_model}, got {self.k}")


EXAMPLES = {
    "plain": AbsTopKConfig(4, 2, {"class_path": "mlp", "init_args": {"d_mlp": 6}}, std=0.5),
    "bias": AbsTopKConfig(4, 3, {"class_path": "mlp", "init_args": {"d_mlp": 6}}, True, 0.5),
}


class AbsTopK(nn.Module):
    """f between two masks, `hook_read` and `hook_write`, [.., d_model] of zeros and ones."""

    fixes_basis = True

    def __init__(self, config: AbsTopKConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        sizes = {"d_model": c.d_model, "bias": c.bias, "std": c.std, "std_out": c.std_out or c.std}
        self.layer: Any = placed("layer", c.layer, sizes)
        check_alone("layer", c.layer, self.layer)
        check_shape("layer", c.layer, self.layer, c.d_model, c.d_model)
        self.hook_read, self.hook_write = HookPoint(), HookPoint()

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
        out = self.layer(x * self.hook_read(abs_topk_mask(x, self.config.k)))
        return out * self.hook_write(abs_topk_mask(out, self.config.k))

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        inner: Mapping[str, Site] = self.layer.sites()
        return {n: replace(s, hook=f"layer.{s.hook}") for n, s in inner.items()}

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """The parts of f, each cut to the coordinates that are written."""
        _, masks = record(self, x, ["hook_read", "hook_write"])
        inner: Decomposition = self.layer.decompose(x * masks["hook_read"])
        write = masks["hook_write"]
        basis = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
        parts = [Component(c.name, c.value() * write, basis) for c in inner.components]
        state = {**masks, **{f"layer.{n}": v for n, v in inner.state.items()}}
        tier = ORDER[max(ORDER.index("given"), ORDER.index(inner.exactness.tier))]
        exactness = Exactness(tier, tuple(state), inner.exactness.share)
        return Decomposition(tuple(parts), exactness, "activation", state)

    def residual_actions(self) -> list[Action]:
        """Those of f, of which an order of the coordinates is left; masks follow the stream."""
        return [a.prefixed("layer.") for a in self.layer.residual_actions()]

    def symmetry(self) -> Symmetry:
        """Those of f: masks look at the stream alone."""
        return Symmetry(tuple(f.prefixed("layer.") for f in self.layer.symmetry().factors))

    def interpretation(self) -> Interpretation:
        return self.layer.interpretation()
