"""Kolmogorov-Arnold network (Liu et al. 2024, arXiv 2404.19756): spline layers, nothing between.

    h_0 = x,   h_l+1,j = sum_i phi^l_ij(h_l,i),   output = h_L

One layer is an additive model, a sum over inputs from the weights alone; a deeper network is a
sum over its last hidden units, given these.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness, compose
from interpretable_arch.edits import Site
from interpretable_arch.hooks import record
from interpretable_arch.interpretation import Edge, Feature, Graph, Interpretation
from interpretable_arch.layers.spline import Spline, SplineConfig
from interpretable_arch.maths.splines import Outside, straight
from interpretable_arch.symmetries.flip import Flip
from interpretable_arch.symmetries.groups import Permutation, Sign
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class KANConfig:
    """`hidden` widths between `features` inputs and `outputs`; none of them: one layer.

    Every coordinate of every layer begins with `grid` intervals on [low, high]. `std` is that of
    what is random in the initial functions, times 1 / sqrt(inputs) in each layer.
    """

    features: int
    outputs: int
    hidden: Sequence[int] = ()
    grid: int = 8
    low: float = -1.0
    high: float = 1.0
    outside: Outside = "extend"
    std: float = 0.05

    def __post_init__(self) -> None:
        at_least_one(features=self.features, outputs=self.outputs)
        if isinstance(self.hidden, int) or not all(type(h) is int and h > 0 for h in self.hidden):
            raise ValueError(f"hidden: wanted a list of widths from 1 up, got {self.hidden}")

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.features, *self.hidden, self.outputs)

    def layer(self, d_in: int, d_out: int) -> SplineConfig:
        std = self.std / d_in**0.5
        return SplineConfig(d_in, d_out, self.grid, self.low, self.high, self.outside, std)


# Random splines fold what they read. From lines, nearly flat but in the last layer, a network is
# an additive model to begin with: exp(sin(pi x) + y^2) then trains from every seed.
FIRST_SLOPE = 0.1

EXAMPLES = {
    "extend": KANConfig(features=2, outputs=2, hidden=(3,), grid=3, std=1.0),
    "clamp": KANConfig(features=2, outputs=1, hidden=(2,), grid=3, outside="clamp", std=1.0),
    "deep": KANConfig(features=2, outputs=1, hidden=(2, 2), grid=2, std=1.0),
}


class KAN(nn.Module):
    """Features [.., features] to values or logits [.., outputs]."""

    def __init__(self, config: KANConfig) -> None:
        super().__init__()
        self.config = config
        layers = [Spline(config.layer(*w)) for w in pairwise(config.widths)]
        slopes = [*(FIRST_SLOPE for _ in config.hidden), 1.0]
        self.layers = nn.ModuleList(begun(*pair) for pair in zip(layers, slopes, strict=True))

    def forward(self, x: Shaped[Tensor, "*batch features"]) -> Float[Tensor, "*batch outputs"]:
        return self._last(self.hidden(x))

    def hidden(self, x: Shaped[Tensor, "*batch features"]) -> Float[Tensor, "*batch hidden"]:
        """What the last layer reads: the last hidden units, or the inputs."""
        x = x.to(self._last.W_b)  # data may be more precise than the model is trained
        for layer in self.layers[:-1]:
            x = layer(x)
        return x

    @property
    def _last(self) -> Spline:
        last = self.layers[-1]
        assert isinstance(last, Spline)
        return last

    def loss(
        self, inputs: Shaped[Tensor, "batch features"], targets: Shaped[Tensor, "*target"]
    ) -> Float[Tensor, ""]:
        """Mean squared error of values [batch, outputs]; cross-entropy, in nats, of classes."""
        outputs = self(inputs)
        if targets.is_floating_point():
            if targets.shape != outputs.shape:
                wanted, got = list(outputs.shape), list(targets.shape)
                raise ValueError(f"targets: wanted shape {wanted}, got {got}")
            return F.mse_loss(outputs, targets.to(outputs))
        return F.cross_entropy(outputs, targets)

    def representation(self, x: Shaped[Tensor, "input features"]) -> Float[Tensor, "input d"]:
        """The last layer's edges, one by one: what is summed."""
        return self._last.edges(self.hidden(x)).flatten(1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return 2.4 * torch.rand(count, self.config.features, generator=generator) - 1.2

    @property
    def _unit(self) -> str:
        return "hidden" if self.config.hidden else "input"

    def sites(self) -> Mapping[str, Site]:
        prefix, found = f"layers.{len(self.layers) - 1}.", self._last.sites()
        names = [n.replace("input", self._unit) for n in found]
        return {
            n: Site(prefix + s.hook, s.axis, s.index)
            for n, s in zip(names, found.values(), strict=True)
        }

    def decompose(self, x: Shaped[Tensor, "*batch features"]) -> Decomposition:
        """One part per unit that the last layer reads: a hidden unit, or an input itself."""
        inner = [f"layers.{i}.hook_out" for i in range(len(self.layers) - 1)]
        reads = f"layers.{len(inner)}.hook_features"
        _, cache = record(self, x, [*inner, reads])
        W = self._last.edge_weights()
        parts = tuple(
            Component(n, cache[reads][..., i, :], W[i]) for i, n in enumerate(self.sites())
        )
        stages = [(n.removesuffix(".hook_out"), Exactness.given("hook_out")) for n in inner]
        exactness = compose([*stages, (f"layers.{len(inner)}", Exactness.unconditional())])
        return Decomposition(parts, exactness, "value", {n: cache[n] for n in inner})

    def symmetry(self) -> Symmetry:
        """Hidden units permute and change sign; functions into one unit trade constants."""
        factors = [f for i, n in enumerate(self.config.hidden) for f in self._units(i, n)]
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, Spline)
            factors += [f.prefixed(f"layers.{i}.") for f in layer.symmetry().factors]
        return Symmetry(tuple(factors))

    def _units(self, i: int, n: int) -> list[Factor]:
        before, after = f"layers.{i}.", f"layers.{i + 1}."
        writes = (Action(f"{before}W_b", 1), Action(f"{before}C", 2))
        reads = tuple(Action(after + name, 0) for name in ("W_b", "C", "ends", "seen"))
        moved = (*writes, *reads, Action(f"{after}off_grid", 0))

        def signed(parameters: Parameters) -> Tensor:
            return written(parameters, before)

        def unsigned(parameters: Parameters) -> Tensor:
            return written(parameters, before).abs()

        order = Factor(f"hidden.{i}", Permutation(n), moved, key=unsigned)
        if self.config.outside == "clamp":  # a clamped line is no line
            return [order]
        return [order, Flip(f"sign.{i}", Sign(n), (*writes, *reads), key=signed)]

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """Which edges matter: the standard deviation of each edge's function over its grid.

        Hidden units are named by rank, in order of size, under the layer that writes them.
        """
        canonical = copy.deepcopy(self)
        canonical.load_state_dict(self.symmetry().canonical(weights(self)))
        edges = []
        for i, layer in enumerate(canonical.layers):
            assert isinstance(layer, Spline)
            edges += self._edges(i, layer.sizes())
        what = "standard deviation of the edge's function; hidden units in order of size"
        features = [Feature(f"{e.source}->{e.target}", e.weight, what) for e in edges]
        nodes = dict.fromkeys(n for e in edges for n in (e.source, e.target))
        return Interpretation("", tuple(features), graph=Graph(tuple(nodes), tuple(edges)))

    def _edges(self, layer: int, sizes: Float[Tensor, "d_in d_out"]) -> list[Edge]:
        last = len(self.layers) - 1
        source = "input" if layer == 0 else f"layers.{layer - 1}.out.rank"
        target = "output" if layer == last else f"layers.{layer}.out.rank"
        return [
            Edge(f"{source}.{i}", f"{target}.{j}", float(size))
            for i, row in enumerate(sizes)
            for j, size in enumerate(row)
        ]


@torch.no_grad()
def begun(layer: Spline, slope: float) -> Spline:
    """The layer with a straight line of +- `slope` / sqrt(d_in), its sign drawn, on every edge."""
    signs = 2.0 * torch.randint(0, 2, layer.W_b.shape) - 1
    lines = straight(layer.ends, layer.config.grid)[..., None] * signs[:, None]
    layer.C += slope / layer.W_b.shape[0] ** 0.5 * lines
    return layer


def written(parameters: Parameters, layer: str) -> Float[Tensor, "unit feature"]:
    """What a layer's output units are made of, whatever constants their edges trade."""
    C = parameters[f"{layer}C"]
    rows = [parameters[f"{layer}W_b"], (C - C.mean(1, keepdim=True)).flatten(0, 1)]
    return torch.cat(rows).T
