"""What both forms of Monet share (Park et al. 2024, arXiv 2412.04139): M^2 experts from M + M.

Two routers per head score M keys each; gates g1, g2 are softmaxes over the k best of either, and
expert (i, j), the number i M + j, weighs G_ij = sum_h g1_hi g2_hj. What E_ij is, the variant says,
one a file; its sum over i and j factors through the keys, so that no pair is ever built:

    sum_ij G_ij f(i) q(j) = sum_h (sum_i g1_hi f(i)) (sum_j g2_hj q(j))

The authors drop factors sum_i g1_hi = 1. They are kept here: gates that are edited don't sum to 1.
Each expert is a part, exact given the gates G of the pairs and the activations. The authors choose
by batch statistics; here a token's experts are set by the token alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.layers.product_keys import check_k, merged, sparse_softmax
from interpretable_arch.layers.routing import Routing, scores
from interpretable_arch.symmetries.groups import Permutation, Translation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class MonetConfig:
    """`keys` is M; `d_expert` defaults to 4 d_model / M: the parameters of the dense mlp."""

    d_model: int
    keys: int = 16
    heads: int = 4
    k: int = 4
    d_expert: int | None = None
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        check_k(self.k, self.keys)
        at_least_one(heads=self.heads)
        at_least_one(d_expert=self.width)

    @property
    def width(self) -> int:
        return 4 * self.d_model // self.keys if self.d_expert is None else self.d_expert


class Monet(nn.Module, ABC):
    """W_1, W_2 [d_model, head, key] route; experts are in the variant's parameters."""

    def __init__(self, config: MonetConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.experts = c.keys**2
        self.W_1 = nn.Parameter(torch.empty(c.d_model, c.heads, c.keys).normal_(std=c.std))
        self.W_2 = nn.Parameter(torch.empty(c.d_model, c.heads, c.keys).normal_(std=c.std))
        self.hook_first, self.hook_second = HookPoint(), HookPoint()
        self.hook_gates, self.hook_post = HookPoint(), HookPoint()

    @abstractmethod
    def read(self, x: Float[Tensor, "*index d_model"]) -> Tensor:
        """The activations that the experts of one key share, [*index, ..]."""

    @abstractmethod
    def write(
        self,
        post: Tensor,
        first: Float[Tensor, "*index head first"],
        second: Float[Tensor, "*index head second"],
    ) -> Float[Tensor, "*index d_model"]:
        """sum_h sum_ij first_hi second_hj E_ij from the activations, whatever the gates sum to."""

    @abstractmethod
    def expert(self, i: int, j: int, post: Tensor) -> tuple[Tensor, Tensor]:
        """E_ij as coefficient [*index, rank] and direction [rank, d_model]."""

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
        first = self.hook_first(self.key_gates(x, self.W_1))
        second = self.hook_second(self.key_gates(x, self.W_2))
        if self.hook_gates.active:
            # One "head" per first key, which only that key enters, carries any matrix of gates.
            second = self.hook_gates(pairs(first, second)).unflatten(-1, (self.config.keys,) * 2)
            first = torch.eye(self.config.keys, dtype=x.dtype, device=x.device).expand_as(second)
        return self.write(self.hook_post(self.read(x)), first, second)

    def key_gates(
        self, x: Float[Tensor, "*index d_model"], W: Float[Tensor, "d_model head key"]
    ) -> Float[Tensor, "*index head key"]:
        """Softmax over each head's k best keys of the router W; zero elsewhere."""
        r = scores(x, W.flatten(1)).unflatten(-1, W.shape[1:])
        return sparse_softmax(r, self.config.k).to(x.dtype)

    def route(self, x: Float[Tensor, "*index d_model"]) -> Routing:
        """All heads together: heads that call one expert sum their gates; the sum is `heads`."""
        gates = pairs(self.key_gates(x, self.W_1), self.key_gates(x, self.W_2))
        return merged(gates, self.config.heads * self.config.k**2)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        """Every expert; and every key of either kind, which is a row or a column of experts."""
        keys = range(self.config.keys)
        return {
            **{f"expert.{n}": Site("hook_gates", -1, n) for n in range(self.experts)},
            **{f"first.{i}": Site("hook_first", -1, i) for i in keys},
            **{f"second.{j}": Site("hook_second", -1, j) for j in keys},
        }

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per expert, G_ij E_ij(x); `rows` or `columns` group them by key."""
        _, cache = record(self, x, ["hook_gates", "hook_post"])
        gates, post = cache["hook_gates"], cache["hook_post"]
        parts = []
        for n in range(self.experts):
            coefficient, direction = self.expert(*divmod(n, self.config.keys), post)
            parts.append(Component(f"expert.{n}", gates[..., n : n + 1] * coefficient, direction))
        return Decomposition(tuple(parts), Exactness.given(*cache), "activation", cache)

    def rows(self) -> dict[str, list[str]]:
        """The experts of each first key, for `Decomposition.grouped`."""
        m = self.config.keys
        return {f"first.{i}": [f"expert.{i * m + j}" for j in range(m)] for i in range(m)}

    def columns(self) -> dict[str, list[str]]:
        """The experts of each second key, for `Decomposition.grouped`."""
        m = self.config.keys
        return {f"second.{j}": [f"expert.{i * m + j}" for i in range(m)] for j in range(m)}

    @abstractmethod
    def key_actions(self) -> tuple[list[Action], list[Action]]:
        """How the first and the second key's parameters carry its permutation."""

    @abstractmethod
    def neuron_factors(self) -> list[Factor]:
        """The symmetries inside experts."""

    def symmetry(self) -> Symmetry:
        """Heads and keys permute; each router of each head has a common shift; then inside."""
        c = self.config
        first, second = self.key_actions()
        heads = (Action("W_1", 1), Action("W_2", 1))
        shifts = tuple(Action(n, 0, copies_axis=1) for n in ("W_1", "W_2"))
        return Symmetry(
            (
                Factor("heads", Permutation(c.heads), heads, key=head_rows),
                Factor("first", Permutation(c.keys), (Action("W_1", 2), *first), key=first_rows),
                Factor("second", Permutation(c.keys), (Action("W_2", 2), *second), key=second_rows),
                Factor("router_1", Translation(c.d_model), shifts[:1], c.heads),
                Factor("router_2", Translation(c.d_model), shifts[1:], c.heads),
                *self.neuron_factors(),
            )
        )

    def interpretation(self) -> Interpretation:
        """Per key, in order of size: the norms of what calls it and of what it owns."""
        parameters = self.symmetry().canonical(weights(self))
        features = []
        for kind, router, owned in zip(
            ("first", "second"), ("W_1", "W_2"), self.key_actions(), strict=True
        ):
            called = parameters[router].norm(dim=(0, 1))
            own = torch.cat([a.view(parameters[a.parameter])[0] for a in owned], 1).norm(dim=1)
            for i in range(self.config.keys):
                for does, size, what in (
                    ("called", called, f"norm of its columns of {router}"),
                    ("owns", own, "norm of its own weights"),
                ):
                    features.append(ranked(kind, i, does, float(size[i]), what))
        return Interpretation("", tuple(features))


def pairs(
    first: Float[Tensor, "*index head first"], second: Float[Tensor, "*index head second"]
) -> Float[Tensor, "*index expert"]:
    """G_ij = sum_h first_hi second_hj, the pairs in one axis."""
    return torch.einsum("...hi,...hj->...ij", first, second).flatten(-2)


def centred(router: Float[Tensor, "d_model head key"]) -> Float[Tensor, "d_model head key"]:
    """The router less what it gives to all keys, which softmax ignores."""
    return router - router.mean(-1, keepdim=True)


def head_rows(parameters: Parameters) -> Float[Tensor, "head feature"]:
    """Gram matrices over the keys, so that neither their order nor a shift matters."""
    grams = [
        torch.einsum("dhk,ehk->hde", w, w).flatten(1)
        for w in (centred(parameters["W_1"]), centred(parameters["W_2"]))
    ]
    return torch.cat(grams, 1)


def first_rows(parameters: Parameters) -> Float[Tensor, "first feature"]:
    """What calls each first key."""
    return centred(parameters["W_1"]).movedim(-1, 0).flatten(1)


def second_rows(parameters: Parameters) -> Float[Tensor, "second feature"]:
    """What calls each second key."""
    return centred(parameters["W_2"]).movedim(-1, 0).flatten(1)
