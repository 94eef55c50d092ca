"""The literature's one-hidden-layer network for a binary operation (Chughtai et al. 2023,
arXiv 2302.03025): logits(c | a, b) = ReLU(E_a[a] + E_b[b]) W_U.

The embeddings are already multiplied into the hidden layer. Each neuron is a part, exact given
the activations.

The declared symmetry is everything while no embedding entry is shut, below zero with every
partner, and the 3 order d_mlp parameters are no more than the order^3 logits (measured: order 6,
d_mlp 12, where both are 216). Each shut entry adds a flat direction; with more parameters, as at
the default width for orders below 20, the declared group is a part (order 4, d_mlp 8: 32 flat
directions for 16 declared).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.symmetries.groups import Permutation, Scale, Translation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class GroupMLPConfig:
    """`order` elements, `d_mlp` hidden units."""

    order: int
    d_mlp: int = 128

    def __post_init__(self) -> None:
        at_least_one(order=self.order, d_mlp=self.d_mlp)


EXAMPLES = {"plain": GroupMLPConfig(order=4, d_mlp=3)}


class GroupMLP(nn.Module):
    """Pairs [batch, 2] to logits [batch, order]; E_a, E_b [order, d_mlp], W_U [d_mlp, order]."""

    def __init__(self, config: GroupMLPConfig) -> None:
        super().__init__()
        self.config = config
        n, m = config.order, config.d_mlp
        self.E_a = nn.Parameter(torch.randn(n, m) / 2**0.5)
        self.E_b = nn.Parameter(torch.randn(n, m) / 2**0.5)
        self.W_U = nn.Parameter(torch.randn(m, n) / m**0.5)
        self.hook_pre, self.hook_post = HookPoint(), HookPoint()

    def forward(self, pairs: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch order"]:
        return self.hidden(pairs) @ self.W_U

    def hidden(self, pairs: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch d_mlp"]:
        pre = self.hook_pre(self.E_a[pairs[..., 0]] + self.E_b[pairs[..., 1]])
        return self.hook_post(pre.relu())

    def representation(self, pairs: Int[Tensor, "input 2"]) -> Float[Tensor, "input d_mlp"]:
        return self.hidden(pairs)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.order, (count, 2), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"neuron.{m}": Site("hook_post", -1, m) for m in range(self.config.d_mlp)}

    def decompose(self, pairs: Int[Tensor, "*batch 2"]) -> Decomposition:
        """One part per neuron."""
        _, cache = record(self, pairs, ["hook_post"])
        post, W_U = cache["hook_post"], self.W_U
        parts = [
            Component(f"neuron.{m}", post[..., m : m + 1], W_U[m : m + 1])
            for m in range(self.config.d_mlp)
        ]
        return Decomposition(tuple(parts), Exactness.given(*cache), "logits", cache)

    def symmetry(self) -> Symmetry:
        """Neurons permute, scale, and trade a constant between their two embeddings."""
        m = self.config.d_mlp
        both = (Action("E_a", 1, centred=True), Action("E_b", 1, centred=True))
        out = Action("W_U", 0, "dual")
        offset = (Action("E_a", 1, "direct"), Action("E_b", 1, "dual"))
        return Symmetry(
            (
                Factor("neurons", Permutation(m), (*both, out), key=neurons),
                Factor("scale", Scale(m), (*both, out)),
                Factor("offset", Translation(m), offset),
            )
        )

    def interpretation(self) -> Interpretation:
        """Per neuron, in order of size: how much of the output it can move."""
        size = neurons(self.symmetry().canonical(weights(self))).norm(dim=1)
        return Interpretation(
            "",
            tuple(
                ranked("neuron", m, "size", float(s), "norm of centred embeddings x W_U row")
                for m, s in enumerate(size)
            ),
        )


def neurons(parameters: Parameters) -> Float[Tensor, "d_mlp feature"]:
    """What identifies a neuron whatever its scale and offset."""
    E_a, E_b, W_U = parameters["E_a"].T, parameters["E_b"].T, parameters["W_U"]
    mean_a, mean_b = E_a.mean(1, keepdim=True), E_b.mean(1, keepdim=True)
    read = torch.cat([E_a - mean_a, E_b - mean_b, mean_a + mean_b], 1)
    write = W_U.norm(dim=1, keepdim=True)
    return torch.cat([read * write, W_U * read[:, :-1].norm(dim=1, keepdim=True)], 1)
