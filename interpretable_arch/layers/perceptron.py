"""What every multilayer perceptron with one hidden layer shares: f(x W_in + b_in) W_out + b_out.

The activation f is the variant, one a file. Each neuron is a part: its activation times its row of
W_out (exact given the activations).
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
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class MLPConfig:
    """`d_mlp` defaults to 4 d_model."""

    d_model: int
    d_mlp: int | None = None
    bias: bool = False
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        at_least_one(d_mlp=self.width)

    @property
    def width(self) -> int:
        return 4 * self.d_model if self.d_mlp is None else self.d_mlp


EXAMPLES = {
    "plain": MLPConfig(d_model=4, d_mlp=6, std=0.5),
    "bias": MLPConfig(d_model=4, d_mlp=6, bias=True, std=0.5),
}


class Perceptron(nn.Module, ABC):
    """W_in [d_model, d_mlp], W_out [d_mlp, d_model]."""

    def __init__(self, config: MLPConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.W_in = nn.Parameter(torch.empty(c.d_model, c.width).normal_(std=c.std))
        self.W_out = nn.Parameter(torch.empty(c.width, c.d_model).normal_(std=c.std_out or c.std))
        self.b_in = nn.Parameter(torch.zeros(c.width)) if c.bias else None
        self.b_out = nn.Parameter(torch.zeros(c.d_model)) if c.bias else None
        self.hook_pre, self.hook_post = HookPoint(), HookPoint()

    @abstractmethod
    def activation(self, pre: Float[Tensor, "*index d_mlp"]) -> Float[Tensor, "*index d_mlp"]:
        """f of the whole hidden layer."""

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
        pre = x @ self.W_in
        pre = self.hook_pre(pre if self.b_in is None else pre + self.b_in)
        out = self.hook_post(self.activation(pre)) @ self.W_out
        return out if self.b_out is None else out + self.b_out

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"neuron.{n}": Site("hook_post", -1, n) for n in range(self.config.width)}

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per neuron, and the bias."""
        _, cache = record(self, x, ["hook_post"])
        post = cache["hook_post"]
        neurons = range(self.config.width)
        parts = [
            Component(f"neuron.{n}", post[..., n : n + 1], self.W_out[n : n + 1]) for n in neurons
        ]
        if self.b_out is not None:
            parts.append(Component("bias", torch.ones_like(post[..., :1]), self.b_out[None]))
        return Decomposition(tuple(parts), Exactness.given(*cache), "activation", cache)

    def residual_actions(self) -> list[Action]:
        """Where the residual stream enters and leaves."""
        actions = [Action("W_in", 0), Action("W_out", -1)]
        return actions if self.b_out is None else [*actions, Action("b_out", -1)]

    def symmetry(self) -> Symmetry:
        """Neurons permute; GELU, in either form, allows nothing else."""
        actions = [Action("W_in", 1), Action("W_out", 0)]
        if self.b_in is not None:
            actions.append(Action("b_in", 0))
        return Symmetry(
            (Factor("neurons", Permutation(self.config.width), tuple(actions), key=neurons),)
        )

    def interpretation(self) -> Interpretation:
        """Per neuron, in order of size: the norms of what it reads and writes."""
        parameters = self.symmetry().canonical(weights(self))
        read, write = parameters["W_in"].norm(dim=0), parameters["W_out"].norm(dim=1)
        features = []
        for n in range(self.config.width):
            for does, size, what in (
                ("reads", read, "norm of its W_in column"),
                ("writes", write, "norm of its W_out row"),
            ):
                features.append(ranked("neuron", n, does, float(size[n]), what))
        return Interpretation("", tuple(features))


def neurons(parameters: Parameters) -> Float[Tensor, "d_mlp feature"]:
    """What each neuron reads (with its bias) and writes, flat."""
    rows = [parameters["W_in"].T, parameters["W_out"]]
    if "b_in" in parameters:
        rows.append(parameters["b_in"][:, None])
    return torch.cat(rows, 1)
