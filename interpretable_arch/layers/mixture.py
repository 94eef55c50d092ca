"""Sparse mixture of MLP experts in the mlp's place, dropless, balanced without a loss.

    r = x W_r,   S = the k largest of s + b,   y = sum over e in S of g_e GELU(x W_in_e) W_out_e

with s = r and g = softmax of r over S (Shazeer et al. 2017, arXiv 1701.06538). The balance bias b
only selects, it never weighs: after each step it moves by a fixed rate towards experts that are
called too little (Wang et al. 2024, arXiv 2408.15664). Routing is deterministic and looks at one
token alone, so a token's output does not depend on its batch-mates. Each expert is a part, exact
given gates and activations.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights
from interpretable_arch.symmetry_groups import Permutation, Translation


@dataclass(frozen=True)
class MixtureConfig:
    """`k` at least 2, so that gates carry a gradient to the router.

    `d_expert` defaults to 4 d_model / k: the active parameters of the dense mlp.
    """

    d_model: int
    experts: int = 8
    k: int = 2
    d_expert: int | None = None
    balance_rate: float = 1e-3
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.k <= self.experts:
            why = "; one gate alone is always 1, so the router would never learn"
            raise ValueError(
                f"k: wanted 2 to experts = {self.experts}, got {self.k}{why * (self.k == 1)}"
            )
        if self.width < 1:
            raise ValueError(f"d_expert: wanted at least 1, got {self.d_expert}")

    @property
    def width(self) -> int:
        return 4 * self.d_model // self.k if self.d_expert is None else self.d_expert


EXAMPLES = {"plain": MixtureConfig(d_model=4, experts=3, k=2, d_expert=3, std=0.7)}


class Mixture(nn.Module):
    """W_r [d_model, expert], W_in [expert, d_model, d_expert], W_out [expert, d_expert, d_model].

    `written_out` computes every expert and masks (under vmap and for hooks); otherwise tokens are
    sorted by expert and each expert sees its own only. Both give the same output.
    """

    def __init__(self, config: MixtureConfig) -> None:
        super().__init__()
        self.config = config
        self.written_out = False
        c = config
        self.W_r = nn.Parameter(torch.empty(c.d_model, c.experts).normal_(std=c.std))
        self.W_in = nn.Parameter(torch.empty(c.experts, c.d_model, c.width).normal_(std=c.std))
        out = torch.empty(c.experts, c.width, c.d_model).normal_(std=c.std_out or c.std)
        self.W_out = nn.Parameter(out)
        self.balance: Tensor
        self.register_buffer("balance", torch.zeros(c.experts))
        self.load: Tensor | None = None
        self.hook_gates, self.hook_post = HookPoint(), HookPoint()

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
        gates = self.hook_gates(self.gates(x))
        if self.written_out or self.hook_gates.active or self.hook_post.active:
            return self._all(x, gates)
        return self._sorted(x.flatten(0, -2), gates.flatten(0, -2)).reshape(x.shape)

    def gates(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index expert"]:
        """Zero outside the k chosen, summing to 1 over them; chosen in float32 or better."""
        exact = torch.promote_types(x.dtype, torch.float32)
        with torch.autocast(x.device.type, enabled=False):
            r = x.to(exact) @ self.W_r.to(exact)
        chosen = (r.detach() + self.balance).topk(self.config.k, -1).indices
        mask = (chosen[..., None] == torch.arange(self.config.experts, device=x.device)).any(-2)
        self.load = mask.to(r.dtype).flatten(0, -2).mean(0) / self.config.k
        return r.masked_fill(~mask, -torch.inf).softmax(-1).to(x.dtype)

    def _all(self, x: Tensor, gates: Tensor) -> Tensor:
        post = self.hook_post(F.gelu(torch.einsum("...d,edm->...em", x, self.W_in)))
        return torch.einsum("...em,...e,emd->...d", post, gates, self.W_out)

    def _sorted(self, x: Tensor, gates: Tensor) -> Tensor:
        token, expert = gates.nonzero(as_tuple=True)
        order = expert.argsort(stable=True)
        token, expert = token[order], expert[order]
        counts = torch.bincount(expert, minlength=self.config.experts).tolist()
        read = x[token].split(counts)
        written = [
            F.gelu(r @ w_in) @ w_out
            for r, w_in, w_out in zip(read, self.W_in, self.W_out, strict=True)
        ]
        weighted = torch.cat(written) * gates[token, expert][:, None]
        return torch.zeros_like(x).index_add(0, token, weighted)

    def settle(self, buffers: Parameters, statistics: Parameters) -> dict[str, Tensor]:
        """The balance bias after a step, from the step's `load` [.., expert] (any leading axes)."""
        load = statistics["load"]
        moved = buffers["balance"] + self.config.balance_rate * (
            load.mean(-1, keepdim=True) - load
        ).sign().to(buffers["balance"].dtype)
        return {"balance": moved - moved.mean(-1, keepdim=True)}

    def statistics(self) -> dict[str, Tensor]:
        """The share of assignments that each expert got in the latest forward; sums to 1.

        Handed over once and then forgotten: under vmap and compile a layer may keep no tensor.
        """
        load, self.load = self.load, None
        return {} if load is None else {"load": load.detach()}

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
        """Experts permute, neurons permute inside each; the router keeps a common shift."""
        c = self.config
        experts = (
            Action("W_r", 1),
            Action("W_in", 0),
            Action("W_out", 0),
            Action("balance", 0),
        )
        inside = (Action("W_in", 2, copies_axis=0), Action("W_out", 1, copies_axis=0))
        return Symmetry(
            (
                Factor("experts", Permutation(c.experts), experts, key=expert_rows),
                Factor("router", Translation(c.d_model), (Action("W_r", 0),)),
                Factor("neurons", Permutation(c.width), inside, c.experts, key=neuron_rows),
            )
        )

    def interpretation(self) -> Interpretation:
        """Per expert, in order of size: what calls it and what it reads and writes."""
        parameters = self.symmetry().canonical(weights(self))
        sizes = {
            "called": ("norm of its router column", parameters["W_r"].norm(dim=0)),
            "reads": ("norm of its W_in", parameters["W_in"].flatten(1).norm(dim=1)),
            "writes": ("norm of its W_out", parameters["W_out"].flatten(1).norm(dim=1)),
        }
        features = [
            Feature(f"expert.{e}.{name}", float(values[e]), what)
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
