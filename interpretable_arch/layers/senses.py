"""The sense network of a Backpack: one token's vector to k meaning vectors, without context
(Hewitt et al. 2023, arXiv 2305.16765): C(x) = GELU(norm(x) W_in) W_out, [sense, d_model].

Each hidden unit is a part, exact given the activations.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.layers.norms import RMSNorm
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class SensesConfig:
    """`senses` meaning vectors a token; `d_hidden` defaults to 4 d_model."""

    d_model: int
    senses: int = 8
    d_hidden: int | None = None
    std: float = 0.02

    def __post_init__(self) -> None:
        at_least_one(senses=self.senses)
        at_least_one(d_hidden=self.width)

    @property
    def width(self) -> int:
        return 4 * self.d_model if self.d_hidden is None else self.d_hidden


EXAMPLES = {"plain": SensesConfig(d_model=4, senses=2, d_hidden=5, std=0.5)}


class Senses(nn.Module):
    """Vectors [.., d_model] to senses [.., sense * d_model], sense by sense.

    W_in [d_model, d_hidden], W_out [d_hidden, sense, d_model].
    """

    def __init__(self, config: SensesConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.norm = RMSNorm()
        self.W_in = nn.Parameter(torch.empty(c.d_model, c.width).normal_(std=c.std))
        self.W_out = nn.Parameter(torch.empty(c.width, c.senses, c.d_model).normal_(std=c.std))
        self.hook_post = HookPoint()

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index flat"]:
        return self.hook_post(F.gelu(self.norm(x) @ self.W_in)) @ self.W_out.flatten(1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"neuron.{n}": Site("hook_post", -1, n) for n in range(self.config.width)}

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per hidden unit."""
        _, cache = record(self, x, ["hook_post"])
        post, out = cache["hook_post"], self.W_out.flatten(1)
        parts = [
            Component(f"neuron.{n}", post[..., n : n + 1], out[n : n + 1])
            for n in range(self.config.width)
        ]
        return Decomposition(tuple(parts), Exactness.given(*cache), "activation", cache)

    def residual_actions(self) -> list[Action]:
        return [Action("W_in", 0), Action("W_out", -1)]

    def symmetry(self) -> Symmetry:
        """Hidden units permute; senses do too, together with what weighs them (see `backpack`)."""
        actions = (Action("W_in", 1), Action("W_out", 0))
        return Symmetry((Factor("neurons", Permutation(self.config.width), actions, key=units),))

    def interpretation(self) -> Interpretation:
        """Per sense: the norm of all that it can write."""
        parameters = self.symmetry().canonical(weights(self))
        sizes = parameters["W_out"].movedim(1, 0).flatten(1).norm(dim=1)
        features = [
            Feature(f"sense.{i}", float(s), "norm of its W_out") for i, s in enumerate(sizes)
        ]
        return Interpretation("", tuple(features))


def units(parameters: Parameters) -> Float[Tensor, "d_hidden feature"]:
    """What each hidden unit reads and writes, flat."""
    return torch.cat([parameters["W_in"].T, parameters["W_out"].flatten(1)], 1)
