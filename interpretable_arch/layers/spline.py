"""Spline layer (KAN; Liu et al. 2024, arXiv 2404.19756) in the mlp's place: one function an edge.

    y_j = sum_i phi_ij(x_i),   phi_ij(x) = W_b[i, j] silu(x) + sum_m C[i, m, j] B_m(x)

with the cubic B-splines of `maths.splines` (the paper's w_s is multiplied into C: kept apart, the
two would share a scale). The output is a sum over input coordinates, exact from the weights alone,
and each part can be drawn. Functions are tied to coordinates, so the stream may not rotate.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.maths.splines import (
    LocalFeatures,
    Outside,
    basis_size,
    edge_features,
    off_grid,
)
from interpretable_arch.symmetries.balance import BalancedTranslation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry


@dataclass(frozen=True)
class SplineConfig:
    """`grid` intervals on [low, high]; beyond it functions go on straight or keep their value.

    The default grid holds three standard deviations of a normed stream. `d_out` defaults to
    d_model.
    """

    d_model: int
    d_out: int | None = None
    grid: int = 8
    low: float = -3.0
    high: float = 3.0
    outside: Outside = "extend"
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        at_least_one(d_model=self.d_model, d_out=self.d_out, grid=self.grid)
        if not self.low < self.high:
            raise ValueError(f"high: wanted more than low = {self.low}, got {self.high}")
        if self.outside not in ("extend", "clamp"):
            raise ValueError(f"outside: wanted extend or clamp, got {self.outside!r}")

    @property
    def width(self) -> int:
        return self.d_model if self.d_out is None else self.d_out


EXAMPLES = {
    "extend": SplineConfig(d_model=3, grid=3, low=-2.0, high=2.0, std=0.7),
    "clamp": SplineConfig(d_model=3, grid=3, low=-2.0, high=2.0, outside="clamp", std=0.7),
}


class Spline(nn.Module):
    """W_b [d_model, d_out], C [d_model, basis, d_out]; each coordinate's grid is on `ends`.

    Of the latest training step, `off_grid` [d_model] is the share of each coordinate that left its
    grid and `seen` [d_model, 2] its least and largest value. `written_out` evaluates every basis
    function (under vmap), otherwise four are; both give the same output.
    """

    fixes_basis = True

    def __init__(self, config: SplineConfig) -> None:
        super().__init__()
        self.config = config
        self.written_out = False
        c, std = config, config.std_out or config.std
        self.W_b = nn.Parameter(torch.empty(c.d_model, c.width).normal_(std=std))
        shape = (c.d_model, basis_size(c.grid), c.width)
        self.C = nn.Parameter(torch.empty(shape).normal_(std=std))
        self.ends: Tensor
        self.seen: Tensor
        self.off_grid: Tensor
        for name in ("ends", "seen"):
            self.register_buffer(name, torch.tensor([c.low, c.high]).repeat(c.d_model, 1))
        self.register_buffer("off_grid", torch.zeros(c.d_model))
        self._latest: dict[str, Tensor] = {}
        self.hook_features, self.hook_out = HookPoint(), HookPoint()

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_out"]:
        if self.training:
            self._count(x.detach().flatten(0, -2))
        features = self.hook_features(self.features(x))
        return self.hook_out(features.flatten(-2) @ self.edge_weights().flatten(0, 1))

    def features(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model f"]:
        """The basis and silu of each coordinate."""
        evaluate = edge_features if self.written_out else LocalFeatures.apply
        return evaluate(x, self.ends, self.config.grid, self.config.outside)

    def edge_weights(self) -> Float[Tensor, "d_model f d_out"]:
        """C and W_b as one: what `features` is multiplied with."""
        return torch.cat([self.C, self.W_b[:, None]], 1)

    def edges(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model d_out"]:
        """phi_ij(x_i) of every edge."""
        return torch.einsum("...if,ifj->...ij", self.features(x), self.edge_weights())

    def _count(self, x: Float[Tensor, "row d_model"]) -> None:
        left = off_grid(x, self.ends).to(x.dtype).mean(0)
        self._latest = {"off_grid": left, "seen": torch.stack([x.amin(0), x.amax(0)], -1)}

    def statistics(self) -> dict[str, Tensor]:
        """What the latest training forward saw of each coordinate; handed over once."""
        latest, self._latest = self._latest, {}
        return latest

    def settle(self, buffers: Parameters, statistics: Parameters) -> dict[str, Tensor]:
        """The buffers after a step: what it saw; statistics come flat behind any seed axis."""
        return {name: value.reshape(buffers[name].shape) for name, value in statistics.items()}

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"input.{i}": Site("hook_features", -2, i) for i in range(self.config.d_model)}

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per input coordinate: its features through its functions."""
        _, cache = record(self, x, ["hook_features"])
        features, W = cache["hook_features"], self.edge_weights()
        parts = [
            Component(f"input.{i}", features[..., i, :], W[i]) for i in range(self.config.d_model)
        ]
        return Decomposition(tuple(parts), Exactness.unconditional(), "activation")

    def residual_actions(self) -> list[Action]:
        """How an order of the stream's coordinates acts; a rotation can't."""
        grids = [Action(n, 0) for n in ("ends", "seen", "off_grid")]
        return [Action("W_b", 0), Action("C", 0), *grids, Action("W_b", 1), Action("C", 2)]

    def symmetry(self) -> Symmetry:
        """Splines sum to 1, so the functions into one output trade constants."""
        c = self.config
        constants = (Action("C", 2, copies_axis=0),)
        group = BalancedTranslation(c.width)
        # The balance over the d_model copies costs one direction for each output.
        return Symmetry((Factor("constants", group, constants, c.d_model, stabiliser=c.width),))

    def sizes(self) -> Float[Tensor, "d_model d_out"]:
        """Standard deviation of each edge's function over its grid, which no constant changes."""
        share = torch.linspace(0, 1, 4 * self.config.grid + 1).to(self.ends)[:, None]
        low, high = self.ends.unbind(-1)
        return self.edges(low + share * (high - low)).std(0, correction=0)

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """Per coordinate: how far its functions move the outputs."""
        sizes = self.sizes().norm(dim=1)
        what = "norm over outputs of its functions' standard deviation on the grid"
        features = [Feature(f"input.{i}.size", float(s), what) for i, s in enumerate(sizes)]
        return Interpretation("", tuple(features))
