"""Experts of one neuron each, retrieved by product keys (PEER; He 2024, arXiv 2407.04153).

    q_ph = x W_Q[p, h],  r_phi = q_ph . K_pi  for the keys p = 1, 2 of each head h
    S_h = the k pairs (i, j) with the largest r_1hi + r_2hj,   g_h = softmax of these over S_h
    y = sum_h sum over n in S_h of g_hn GELU(x w_n) v_n

Heads have queries of their own and share keys and experts. Each expert is a part: its gates, summed
over heads, times its activation, along v_n (exact given both). Left out: the authors' batch norm of
queries, which would let a token's batch-mates choose its experts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Feature, Interpretation, ranked
from interpretable_arch.layers.product_keys import (
    OneKey,
    Transposed,
    best_pairs,
    check_k,
    merged,
    summed,
)
from interpretable_arch.layers.routing import Routing, scores
from interpretable_arch.symmetries.groups import GeneralLinear, Permutation, Translation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class PEERConfig:
    """`keys`^2 experts; each of `heads` heads calls `k`. `d_key` is the size of a query's half.

    It defaults to the largest that says anything: softmax ignores what all keys have in common,
    so that scores have rank at most keys - 1, and at most d_model.
    """

    d_model: int
    keys: int = 32
    heads: int = 4
    k: int = 8
    d_key: int | None = None
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        check_k(self.k, self.keys)
        at_least_one(heads=self.heads)
        if not 1 <= self.width <= self.widest:
            wanted = f"1 to min(d_model, keys - 1) = {self.widest}"
            raise ValueError(f"d_key: wanted {wanted}, got {self.d_key}")

    @property
    def widest(self) -> int:
        return min(self.d_model, self.keys - 1)

    @property
    def width(self) -> int:
        return self.widest if self.d_key is None else self.d_key


EXAMPLES = {
    "plain": PEERConfig(d_model=4, keys=3, heads=2, k=2, d_key=2, std=0.7),
}


class PEER(nn.Module):
    """W_Q [2, d_model, head, d_key], K [2, key, d_key]; W_in, W_out [first, second, d_model].

    `written_out` evaluates every expert (under vmap and for hooks), and so do few experts: one
    matmul over 16 of them costs less than one lookup, measured. Otherwise those called are looked
    up. Both give the same output.
    """

    def __init__(self, config: PEERConfig) -> None:
        super().__init__()
        self.config = config
        self.written_out = False
        c, grid = config, (config.keys, config.keys, config.d_model)
        self.experts = c.keys**2
        self.W_Q = nn.Parameter(torch.empty(2, c.d_model, c.heads, c.width).normal_(std=c.std))
        # Scores then start as large as those of a router x W_r.
        self.K = nn.Parameter(torch.empty(2, c.keys, c.width).normal_(std=c.width**-0.5))
        self.W_in = nn.Parameter(torch.empty(grid).normal_(std=c.std))
        self.W_out = nn.Parameter(torch.empty(grid).normal_(std=c.std_out or c.std))
        self.hook_gates, self.hook_post = HookPoint(), HookPoint()

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
        gates, indices = self.called(x)
        few = self.experts <= 16 * indices.shape[-1]
        if few or self.written_out or self.hook_gates.active or self.hook_post.active:
            return self._all(x, summed(indices, gates, self.experts))
        return self._looked_up(x, gates, indices)

    def called(
        self, x: Float[Tensor, "*index d_model"]
    ) -> tuple[Float[Tensor, "*index slot"], Int[Tensor, "*index slot"]]:
        """Gates and numbers of the k experts that each head calls, head after head."""
        c = self.config
        q = [scores(x, W.flatten(1)).unflatten(-1, (c.heads, c.width)) for W in self.W_Q]
        first, second = (scores(query, key.mT) for query, key in zip(q, self.K, strict=True))
        best, indices = best_pairs(first, second, c.k)
        return best.softmax(-1).flatten(-2).to(x.dtype), indices.flatten(-2)

    def route(self, x: Float[Tensor, "*index d_model"]) -> Routing:
        """All heads together: heads that call one expert sum their gates; the sum is `heads`."""
        gates, indices = self.called(x)
        return merged(summed(indices, gates, self.experts), indices.shape[-1])

    def _all(self, x: Tensor, gates: Tensor) -> Tensor:
        post = self.hook_post(F.gelu(x @ self.W_in.flatten(0, 1).mT))
        return (self.hook_gates(gates) * post) @ self.W_out.flatten(0, 1)

    def _looked_up(self, x: Tensor, gates: Tensor, indices: Tensor) -> Tensor:
        read = F.embedding(indices, self.W_in.flatten(0, 1))
        post = F.gelu((read @ x[..., None]).squeeze(-1))
        W_out = self.W_out.flatten(0, 1)
        shape = (-1, indices.shape[-1])
        weighted = (gates * post).to(W_out.dtype).reshape(shape)
        called = indices.reshape(shape)
        written = F.embedding_bag(called, W_out, mode="sum", per_sample_weights=weighted)
        return written.reshape(x.shape)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"expert.{n}": Site("hook_gates", -1, n) for n in range(self.experts)}

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per expert, called or not: its gate times its activation, along v_n."""
        _, cache = record(self, x, ["hook_gates", "hook_post"])
        weighted, W_out = cache["hook_gates"] * cache["hook_post"], self.W_out.flatten(0, 1)
        parts = [
            Component(f"expert.{n}", weighted[..., n : n + 1], W_out[n : n + 1])
            for n in range(self.experts)
        ]
        return Decomposition(tuple(parts), Exactness.given(*cache), "activation", cache)

    def residual_actions(self) -> list[Action]:
        """Where the residual stream enters and leaves."""
        return [Action("W_Q", 1), Action("W_in", -1), Action("W_out", -1)]

    def symmetry(self) -> Symmetry:
        """The two keys swap, heads and keys permute; queries and keys share a change of basis,
        and all keys a shift."""
        c = self.config
        swapped = (Action("W_Q", 0), Action("K", 0), Transposed("W_in", 0), Transposed("W_out", 0))
        basis = (Action("W_Q", 3, copies_axis=0), Action("K", 2, "dual", 0, centred=True))
        return Symmetry(
            (
                Factor("halves", Permutation(2), swapped, key=half_rows),
                Factor("heads", Permutation(c.heads), (Action("W_Q", 2),), key=head_rows),
                Factor("first", Permutation(c.keys), _keys(0), key=first_rows),
                Factor("second", Permutation(c.keys), _keys(1), key=second_rows),
                Factor("basis", GeneralLinear(c.width), basis, 2),
                Factor("shift", Translation(c.width), (Action("K", 2, copies_axis=0),), 2),
            )
        )

    def interpretation(self) -> Interpretation:
        """Per key, both halves and keys in order of size, what calls it; the sizes of what the
        expert of each two keys reads and writes."""
        parameters = self.symmetry().canonical(weights(self))
        called = circuits(parameters).norm(dim=(1, 2))
        features = [
            ranked(
                f"half.rank.{p}.key", i, "called", float(called[p, i]), "norm of its scores' map"
            )
            for p in range(2)
            for i in range(self.config.keys)
        ]
        for name, does in (("W_in", "reads"), ("W_out", "writes")):
            what = f"norm of its {name}; keys in order of size"
            for i, row in enumerate(parameters[name].norm(dim=-1).tolist()):
                features += [
                    Feature(f"expert.rank.{i}.{j}.{does}", size, what) for j, size in enumerate(row)
                ]
        return Interpretation("", tuple(features))


def _keys(which: int) -> tuple[Action, ...]:
    return (OneKey("K", 0, which=which), Action("W_in", which), Action("W_out", which))


def circuits(parameters: Parameters) -> Float[Tensor, "2 d_model head key"]:
    """The maps from x to scores, less what all keys get: free of basis and shift."""
    K = parameters["K"]
    return torch.einsum("pdhk,pmk->pdhm", parameters["W_Q"], K - K.mean(1, keepdim=True))


def half_rows(parameters: Parameters) -> Float[Tensor, "2 feature"]:
    """Gram matrices over heads and keys, so that their order does not matter."""
    r = circuits(parameters).flatten(2)
    return (r @ r.mT).flatten(1)


def head_rows(parameters: Parameters) -> Float[Tensor, "head feature"]:
    """Gram matrices over the keys."""
    r = circuits(parameters)
    return torch.einsum("pdhm,pehm->hpde", r, r).flatten(1)


def first_rows(parameters: Parameters) -> Float[Tensor, "key feature"]:
    """What calls each first key."""
    return circuits(parameters)[0].movedim(-1, 0).flatten(1)


def second_rows(parameters: Parameters) -> Float[Tensor, "key feature"]:
    """What calls each second key."""
    return circuits(parameters)[1].movedim(-1, 0).flatten(1)
