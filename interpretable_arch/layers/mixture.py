"""Sparse mixture of MLP experts in the mlp's place: dropless, deterministic, token by token.

    y = sum over e in S of g_e GELU(x W_in_e) W_out_e

with the k experts S and their gates g from `routing` (Shazeer et al. 2017, arXiv 1701.06538).
By default the gates are a softmax over the chosen scores and the balance needs no loss (Wang et al.
2024, arXiv 2408.15664). A token's output does not depend on its batch-mates. Each expert is a part,
exact given gates and activations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.layers.routing import BalanceName, GateName, Router, Routing, scores
from interpretable_arch.symmetries.groups import Permutation, Translation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class MixtureConfig:
    """`gates` and `balance` are named in `routing`; `k` at least 2 for `softmax_of_chosen`.

    `d_expert` defaults to 4 d_model / k: the active parameters of the dense mlp. `balance_rate` is
    the step of the bias; `balance_weight` and `z_weight` weigh the two terms of the loss.
    """

    d_model: int
    experts: int = 8
    k: int = 2
    d_expert: int | None = None
    gates: GateName = "softmax_of_chosen"
    balance: BalanceName = "bias"
    balance_rate: float = 1e-3
    balance_weight: float = 1e-2
    z_weight: float = 1e-3
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        assert self.router.k == self.k, "building the router checks its arguments"
        at_least_one(d_expert=self.width)
        for name in ("balance_rate", "balance_weight", "z_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: wanted at least 0, got {getattr(self, name)}")

    @property
    def router(self) -> Router:
        rates = (self.balance_rate, self.balance_weight, self.z_weight)
        return Router(self.experts, self.k, self.gates, self.balance, *rates)

    @property
    def width(self) -> int:
        return 4 * self.d_model // self.k if self.d_expert is None else self.d_expert


_TINY: dict[str, Any] = {"d_model": 4, "experts": 3, "d_expert": 3, "std": 0.7}
EXAMPLES = {
    "plain": MixtureConfig(**_TINY),
    "loss": MixtureConfig(**_TINY, balance="loss"),
    "switch": MixtureConfig(**_TINY, k=1, gates="softmax_then_chosen", balance="loss"),
    "sigmoid": MixtureConfig(**_TINY, k=1, gates="sigmoid"),
    "unbalanced": MixtureConfig(**_TINY, gates="softmax_then_chosen", balance="none"),
}


class Mixture(nn.Module):
    """W_r [d_model, expert], W_in [expert, d_model, d_expert], W_out [expert, d_expert, d_model].

    `written_out` computes every expert and masks (under vmap and for hooks); otherwise tokens are
    sorted by expert and each expert sees its own only. Both give the same output.
    """

    def __init__(self, config: MixtureConfig) -> None:
        super().__init__()
        self.config, self.router, self.experts = config, config.router, config.experts
        self.written_out = False
        c = config
        self.W_r = nn.Parameter(torch.empty(c.d_model, c.experts).normal_(std=c.std))
        self.W_in = nn.Parameter(torch.empty(c.experts, c.d_model, c.width).normal_(std=c.std))
        out = torch.empty(c.experts, c.width, c.d_model).normal_(std=c.std_out or c.std)
        self.W_out = nn.Parameter(out)
        self.balance: Tensor | None
        self.register_buffer("balance", torch.zeros(c.experts) if c.balance == "bias" else None)
        self.load: Tensor | None = None
        self.due: Tensor | None = None
        self.hook_gates, self.hook_post = HookPoint(), HookPoint()

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
        r = scores(x, self.W_r)
        routing = self._routed(r, x.dtype)
        self._count(r, routing)
        if self.written_out or self.hook_gates.active or self.hook_post.active:
            return self._all(x, self.hook_gates(routing.dense()))
        return self._sorted(x, routing)

    def route(self, x: Float[Tensor, "*index d_model"]) -> Routing:
        """The k experts that each token calls, and their gates in the precision of x."""
        return self._routed(scores(x, self.W_r), x.dtype)

    def _routed(self, r: Tensor, dtype: torch.dtype) -> Routing:
        routing = self.router.route(r, self.balance)
        return replace(routing, gates=routing.gates.to(dtype))

    def _count(self, r: Tensor, routing: Routing) -> None:
        self.due = None
        if self.balance is not None:
            self.load = routing.load()
        elif self.config.balance == "loss" and self.training and torch.is_grad_enabled():
            self.due = self.router.penalty(r, routing.load())

    def _all(self, x: Tensor, gates: Tensor) -> Tensor:
        post = self.hook_post(F.gelu(torch.einsum("...d,edm->...em", x, self.W_in)))
        return torch.einsum("...em,...e,emd->...d", post, gates, self.W_out)

    def _sorted(self, x: Tensor, routing: Routing) -> Tensor:
        expert = routing.indices.flatten()
        order = expert.argsort(stable=True)
        counts = torch.bincount(expert, minlength=self.experts).tolist()
        tokens = x.reshape(-1, x.shape[-1])
        read = tokens.index_select(0, order // routing.indices.shape[-1]).split(counts)
        written = [
            F.gelu(r @ w_in) @ w_out
            for r, w_in, w_out in zip(read, self.W_in, self.W_out, strict=True)
        ]
        # Back by the inverse order: a gather, where adding by index would collide.
        slots = torch.cat(written).index_select(0, order.argsort())
        slots = slots.reshape(*routing.indices.shape, x.shape[-1])
        return (slots * routing.gates[..., None]).sum(-2)

    def settle(self, buffers: Parameters, statistics: Parameters) -> dict[str, Tensor]:
        """The balance bias after a step, from the step's `load` [.., expert] (any leading axes)."""
        if "load" not in statistics:
            return {}
        return {"balance": self.router.settled(buffers["balance"], statistics["load"])}

    def statistics(self) -> dict[str, Tensor]:
        """The share of assignments that each expert got in the latest forward; sums to 1.

        Handed over once and then forgotten: under vmap and compile a layer may keep no tensor.
        """
        load, self.load = self.load, None
        return {} if load is None else {"load": load}

    def penalty(self) -> Float[Tensor, ""] | None:
        """What balance by loss adds to the training loss for the latest forward, handed over once.

        None in evaluation, without gradients, and where no loss balances.
        """
        due, self.due = self.due, None
        return due

    def __getstate__(self) -> dict[str, Any]:
        """A copy starts with nothing counted: a tensor inside a graph cannot be copied."""
        return {**self.__dict__, "load": None, "due": None}

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"expert.{e}": Site("hook_gates", -1, e) for e in range(self.config.experts)}

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per expert: its gate times its activations, through its W_out."""
        _, cache = record(self, x, ["hook_gates", "hook_post"])
        weighted = cache["hook_gates"][..., None] * cache["hook_post"]
        parts = [
            Component(f"expert.{e}", weighted[..., e, :], self.W_out[e])
            for e in range(self.config.experts)
        ]
        return Decomposition(tuple(parts), Exactness.given(*cache), "activation", cache)

    def residual_actions(self) -> list[Action]:
        return [Action("W_r", 0), Action("W_in", 1), Action("W_out", -1)]

    def symmetry(self) -> Symmetry:
        """Experts permute, neurons permute inside each; a softmax keeps a common router shift."""
        c = self.config
        experts = [Action("W_r", 1), Action("W_in", 0), Action("W_out", 0)]
        if self.balance is not None:
            experts.append(Action("balance", 0))
        inside = (Action("W_in", 2, copies_axis=0), Action("W_out", 1, copies_axis=0))
        factors = [Factor("experts", Permutation(c.experts), tuple(experts), key=expert_rows)]
        if self.router.ignores_shift:
            factors.append(Factor("router", Translation(c.d_model), (Action("W_r", 0),)))
        factors.append(Factor("neurons", Permutation(c.width), inside, c.experts, key=neuron_rows))
        return Symmetry(tuple(factors))

    def interpretation(self) -> Interpretation:
        """Per expert, in order of size: what calls it and what it reads and writes."""
        parameters = self.symmetry().canonical(weights(self))
        sizes = {
            "called": ("norm of its router column", parameters["W_r"].norm(dim=0)),
            "reads": ("norm of its W_in", parameters["W_in"].flatten(1).norm(dim=1)),
            "writes": ("norm of its W_out", parameters["W_out"].flatten(1).norm(dim=1)),
        }
        features = [
            ranked("expert", e, name, float(values[e]), what)
            for e in range(self.config.experts)
            for name, (what, values) in sizes.items()
        ]
        return Interpretation("", tuple(features))


def expert_rows(parameters: Parameters) -> Float[Tensor, "expert feature"]:
    """What identifies an expert whatever the order of its neurons and the router's shift.

    Gram matrices, so that the rows' norms survive a rotation of the stream too.
    """
    W_r, W_in, W_out = (parameters[n] for n in ("W_r", "W_in", "W_out"))
    centred = (W_r - W_r.mean(1, keepdim=True)).T
    return torch.cat([centred, (W_in @ W_in.mT).flatten(1), (W_out.mT @ W_out).flatten(1)], 1)


def neuron_rows(parameters: Parameters) -> Float[Tensor, "expert d_expert feature"]:
    return torch.cat([parameters["W_in"].mT, parameters["W_out"]], -1)
