"""Which k experts a token calls and how much each counts: what every sparse layer shares.

From scores r = x W_r [expert], in float32 or better, S = the k largest of r + b. Gates, by name:

    softmax_of_chosen     softmax of r over S      (Shazeer et al. 2017, arXiv 1701.06538)
    softmax_then_chosen   softmax of r over all experts, taken on S
                                                   (Fedus et al. 2021, arXiv 2101.03961)
    sigmoid               1 / (1 + exp -r) on S    (DeepSeek-AI 2024, arXiv 2412.19437)

Balance, by name: `bias` moves b by a fixed rate after each step towards experts that are called
too little; b only selects, it never weighs (Wang et al. 2024, arXiv 2408.15664). `loss` adds
a N sum_i f_i P_i + c mean (logsumexp r)^2, with f_i the share of all assignments and P_i the mean
softmax of r over all experts (Fedus et al. 2021; Zoph et al. 2022, arXiv 2202.08906). Each token is
routed by itself, to exactly k experts: nothing is dropped and nothing is random.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.argument_types import at_least_one

GateName = Literal["softmax_of_chosen", "softmax_then_chosen", "sigmoid"]
BalanceName = Literal["bias", "loss", "none"]
BALANCES: tuple[str, ...] = get_args(BalanceName)


@dataclass(frozen=True)
class Routing:
    """The expert called in each slot and its weight; no expert fills two slots of a token."""

    indices: Int[Tensor, "*index slot"]
    gates: Float[Tensor, "*index slot"]
    experts: int

    def dense(self) -> Float[Tensor, "*index expert"]:
        """The gate of every expert, zero for those that are not called."""
        nothing = self.gates.new_zeros((*self.gates.shape[:-1], self.experts))
        return nothing.scatter(-1, self.indices, self.gates)

    def load(self) -> Float[Tensor, " expert"]:
        """The share of assignments, over all tokens, that each expert got; sums to 1."""
        called = torch.ones_like(self.gates.detach())
        load = Routing(self.indices, called, self.experts).dense().reshape(-1, self.experts).mean(0)
        return load / self.indices.shape[-1]


def softmax_of_chosen(
    r: Float[Tensor, "*index expert"], indices: Int[Tensor, "*index slot"]
) -> Float[Tensor, "*index slot"]:
    return r.gather(-1, indices).softmax(-1)


def softmax_then_chosen(
    r: Float[Tensor, "*index expert"], indices: Int[Tensor, "*index slot"]
) -> Float[Tensor, "*index slot"]:
    return r.softmax(-1).gather(-1, indices)


def sigmoid(
    r: Float[Tensor, "*index expert"], indices: Int[Tensor, "*index slot"]
) -> Float[Tensor, "*index slot"]:
    return r.gather(-1, indices).sigmoid()


GATES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "softmax_of_chosen": softmax_of_chosen,
    "softmax_then_chosen": softmax_then_chosen,
    "sigmoid": sigmoid,
}


@dataclass(frozen=True)
class Router:
    """Plain data and pure functions; the layer holds W_r and, balanced by `bias`, its buffer.

    `rate` is that of the bias, `weight` and `z_weight` are a and c of the loss.
    """

    experts: int
    k: int
    gates: str = "softmax_of_chosen"
    balance: str = "bias"
    rate: float = 1e-3
    weight: float = 1e-2
    z_weight: float = 1e-3

    def __post_init__(self) -> None:
        for name, got, known in (
            ("gates", self.gates, tuple(GATES)),
            ("balance", self.balance, BALANCES),
        ):
            if got not in known:
                raise ValueError(f"{name}: wanted one of {', '.join(known)}, got {got!r}")
        at_least_one(experts=self.experts)
        constant = self.gates == "softmax_of_chosen"
        least = 2 if constant else 1
        if not least <= self.k <= self.experts:
            lone = constant and self.k == 1
            why = "; one gate alone is always 1, so the router would never learn" if lone else ""
            raise ValueError(f"k: wanted {least} to experts = {self.experts}, got {self.k}{why}")

    @property
    def ignores_shift(self) -> bool:
        """Whether the same number added to every score changes nothing."""
        return self.gates != "sigmoid"

    def route(
        self, r: Float[Tensor, "*index expert"], bias: Float[Tensor, " expert"] | None = None
    ) -> Routing:
        """The k largest of r + bias, weighed by r alone."""
        ranked = r.detach() if bias is None else r.detach() + bias
        indices = ranked.topk(self.k, -1).indices
        return Routing(indices, GATES[self.gates](r, indices), self.experts)

    def penalty(self, r: Float[Tensor, "*index expert"], load: Float[Tensor, " expert"]) -> Tensor:
        """a N sum f P + c mean (logsumexp r)^2, a scalar; a at perfect balance, were c zero."""
        mean = r.softmax(-1).reshape(-1, self.experts).mean(0)
        balance = self.weight * self.experts * (load.to(mean.dtype) * mean).sum()
        return balance + self.z_weight * r.logsumexp(-1).square().mean()

    def settled(
        self, bias: Float[Tensor, "*seed expert"], load: Float[Tensor, "*seed expert"]
    ) -> Float[Tensor, "*seed expert"]:
        """The bias after a step whose assignments were spread as `load`; its mean is zero."""
        moved = bias + self.rate * (load.mean(-1, keepdim=True) - load).sign().to(bias.dtype)
        return moved - moved.mean(-1, keepdim=True)


def scores(
    x: Float[Tensor, "*index d_model"], W_r: Float[Tensor, "d_model expert"]
) -> Float[Tensor, "*index expert"]:
    """x W_r in float32 or better, inside autocast too: near ties must not turn on rounding."""
    exact = torch.promote_types(x.dtype, torch.float32)
    with torch.autocast(x.device.type, enabled=False):
        return x.to(exact) @ W_r.to(exact)
