"""Mixture of decoders in the mlp's place (Oldfield et al. 2025, arXiv 2505.21364).

    a = TopK(ReLU(x G + b)),   z = GELU(x E),   y = (a C) * (z D) + b_0

with * entry by entry. That is y = sum_n a_n z W_n + b_0 with W_n = D diag(c_n), c_n the n-th row
of C: every expert is a linear map of full rank, and none of them is ever built. Experts are parts,
exact given gates and activations. The product is taken coordinate by coordinate of the output, so
that the residual stream can't rotate: its coordinates may only change order (`fixes_basis`).

Both decoders start away from zero. Were they both zero neither would get a gradient; were D alone,
as in the authors' code, the experts would get none on the first step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.layers.routing import Routing, scores
from interpretable_arch.symmetries.groups import Permutation, Scale, Sign
from interpretable_arch.symmetry import Action, Factor, Parameters, Side, Symmetry, weights


@dataclass(frozen=True)
class MxDConfig:
    """`d_mlp`, the entries of z, defaults to 4 d_model; `std_out` is that of D (None: `std`)."""

    d_model: int
    experts: int = 64
    k: int = 8
    d_mlp: int | None = None
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.experts:
            raise ValueError(f"k: wanted 1 to experts = {self.experts}, got {self.k}")
        at_least_one(d_mlp=self.width)
        for name, got in (("std", self.std), ("std_out", self.std_out)):
            if got is not None and got <= 0:
                why = "decoders of zeros get no gradient"
                raise ValueError(f"{name}: wanted above 0, got {got}; {why}")

    @property
    def width(self) -> int:
        return 4 * self.d_model if self.d_mlp is None else self.d_mlp


EXAMPLES = {
    "plain": MxDConfig(d_model=3, experts=5, k=2, d_mlp=3, std=0.7),
    "every": MxDConfig(d_model=3, experts=4, k=4, d_mlp=3, std=0.7),
}


class MxD(nn.Module):
    """G [d_model, expert], E [d_model, d_mlp], C [expert, d_model], D [d_mlp, d_model]."""

    fixes_basis = True

    def __init__(self, config: MxDConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.experts = c.experts
        self.G = nn.Parameter(torch.empty(c.d_model, c.experts).normal_(std=c.std))
        self.b = nn.Parameter(torch.zeros(c.experts))
        self.E = nn.Parameter(torch.empty(c.d_model, c.width).normal_(std=c.std))
        # Of order one, so that z D keeps the size that it has in a dense mlp.
        self.C = nn.Parameter(torch.empty(c.experts, c.d_model).normal_())
        self.D = nn.Parameter(torch.empty(c.width, c.d_model).normal_(std=c.std_out or c.std))
        self.b_0 = nn.Parameter(torch.zeros(c.d_model))
        self.hook_gates, self.hook_post, self.hook_bias = HookPoint(), HookPoint(), HookPoint()

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
        gates = self.hook_gates(self.route(x).dense())
        post = self.hook_post(F.gelu(x @ self.E))
        return (gates @ self.C) * (post @ self.D) + self.hook_bias(self.b_0)

    def route(self, x: Float[Tensor, "*index d_model"]) -> Routing:
        """The k largest of ReLU(x G + b); a slot whose score was negative holds gate 0."""
        r = scores(x, self.G)
        gates, indices = F.relu(r + self.b.to(r.dtype)).topk(self.config.k, -1)
        return Routing(indices, gates.to(x.dtype), self.experts)

    @property
    def flat_while_chosen(self) -> int:
        """Directions along which outputs stay as they are only while the same experts are chosen.

        Scaling (g_n, b_n) up and c_n down by as much leaves a_n c_n alone and moves the choice: a
        jump, which no derivative at a point shows. All scales in common, the choice stays.
        """
        return self.experts - 1 if self.config.k < self.experts else 0

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        sites = {f"expert.{n}": Site("hook_gates", -1, n) for n in range(self.experts)}
        return {**sites, "bias": Site("hook_bias")}

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per expert, a_n z through D diag(c_n), and the bias."""
        _, cache = record(self, x, ["hook_gates", "hook_post", "hook_bias"])
        gates, post, bias = (cache[n] for n in ("hook_gates", "hook_post", "hook_bias"))
        parts = [
            Component(f"expert.{n}", gates[..., n : n + 1] * post, self.D * self.C[n])
            for n in range(self.experts)
        ]
        parts.append(Component("bias", torch.ones_like(post[..., :1]), bias[None]))
        state = {"hook_gates": gates, "hook_post": post}
        return Decomposition(tuple(parts), Exactness.given(*state), "activation", state)

    def residual_actions(self) -> list[Action]:
        """Where the residual stream enters and leaves."""
        return [Action("G", 0), Action("E", 0), Action("C", -1), Action("D", -1), Action("b_0", -1)]

    def symmetry(self) -> Symmetry:
        """Experts and neurons permute; gates trade a scale with C, and C with D per coordinate.

        Top-k compares experts: unless all are chosen they only have one scale, in common.
        """
        c = self.config
        experts = (Action("G", 1), Action("b", 0), Action("C", 0))
        trade = tuple(
            Action(a.parameter, a.axis, "dual" if a.parameter == "C" else "direct")
            if c.k == c.experts
            else Whole(a.parameter, 0, "dual" if a.parameter == "C" else "direct")
            for a in experts
        )
        columns = (Action("C", 1), Action("D", 1, "dual"))
        return Symmetry(
            (
                Factor("experts", Permutation(c.experts), experts, key=expert_rows),
                Factor("neurons", Permutation(c.width), (Action("E", 1), Action("D", 0)), key=rows),
                Factor("gates", UnitScale(c.experts if c.k == c.experts else 1), trade),
                Factor("columns", Scale(c.d_model), columns),
                Factor("signs", Sign(c.d_model), columns),
            )
        )

    def interpretation(self) -> Interpretation:
        """Per expert, in order of size: what calls it and what it lets through."""
        parameters = self.symmetry().canonical(weights(self))
        called, passed = parameters["G"].norm(dim=0), parameters["C"].norm(dim=1)
        features = []
        for n in range(self.experts):
            features.append(ranked("expert", n, "called", float(called[n]), "norm of g_n"))
            features.append(ranked("expert", n, "passes", float(passed[n]), "norm of c_n"))
        return Interpretation("", tuple(features))


@dataclass(frozen=True)
class Whole(Action):
    """A parameter that carries one number as a whole, whatever its axes."""

    def view(self, value: Tensor) -> Tensor:
        return value.reshape(1, 1, -1)

    def unview(self, viewed: Tensor, like: Tensor) -> Tensor:
        return viewed.reshape(like.shape)


@dataclass(frozen=True)
class UnitScale(Scale):
    """Positive scales whose canonical form gives the direct side norm one.

    The dual side, C, still has another scale to lose: balancing against it would not be unique.
    """

    def canonical(self, views: Sequence[tuple[Tensor, Side]]) -> Tensor:
        return 1 / torch.cat([v for v, s in views if s == "direct"], -1).norm(dim=-1)


def expert_rows(parameters: Parameters) -> Float[Tensor, "expert feature"]:
    """The direction that calls each expert, and the sizes |g_n| |c_no| |d_o|: no scale is free."""
    G, b, C, D = (parameters[n] for n in ("G", "b", "C", "D"))
    reads = torch.cat([G.T, b[:, None]], 1)
    size = reads.norm(dim=1, keepdim=True)
    return torch.cat([reads / size, size * C.abs() * D.norm(dim=0)], 1)


def rows(parameters: Parameters) -> Float[Tensor, "d_mlp feature"]:
    """What each entry of z reads, and its share of each column of D."""
    E, D = parameters["E"], parameters["D"]
    return torch.cat([E.T, D.abs() / D.norm(dim=0)], 1)
