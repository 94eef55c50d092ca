"""Matrix-valued tokens on a finite group, the real form: token a is an orthogonal matrix A_a, and

    z(c | a, b) = tr(A_a A_b A_c^T) / d,    logits = scale * z.

A quarter of the unitary form's work, with the same loss and optimum (see `group_representation`).
No retracted step changes the determinant that a token starts with, so it must be the one it has at
the optimum: +1, but for a non-trivial cyclic Sylow 2-subgroup (S3, D5, Z12), where half of the
elements have -1. The shown products say which (`maths.groups.determinants`), and the task of
finite groups hands it over as `determinants`. With all +1 such a group is never solved exactly.

Among orthogonal tokens the declared symmetry, O(d) modulo +-1, is everything for d < order
(measured: orders 3 to 7 at d = order - 1). Far above it is a part: order 4, d = 7 has 44 flat
directions for 21 declared. At d = 2 rotations commute with the tokens and move nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.maths.polar import newton_schulz
from interpretable_arch.readings.group_certificate import group_certificate
from interpretable_arch.readings.token_reading import read_tokens
from interpretable_arch.readings.token_scores import score_rows
from interpretable_arch.symmetries.conjugation import OrthogonalConjugation
from interpretable_arch.symmetries.groups import polar
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry


@dataclass(frozen=True)
class GroupOrthogonalConfig:
    """`d` defaults to order - 1, where the optimum is unique; `scale` turns z into logits.

    `determinants`, +1 or -1 for each element, are what the tokens start with and keep; left out,
    all are +1.
    """

    order: int
    d: int | None = None
    scale: float = 10.0
    pull: float = 0.3
    determinants: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.order < 2:
            raise ValueError(f"order: wanted at least 2, got {self.order}")
        at_least_one(d=self.width)
        if len(self.signs) != self.order or not set(self.signs) <= {1, -1}:
            wanted = f"{self.order} numbers +1 or -1"
            raise ValueError(f"determinants: wanted {wanted}, got {self.determinants}")

    @property
    def signs(self) -> tuple[int, ...]:
        """The determinant of each token."""
        return (1,) * self.order if self.determinants is None else tuple(self.determinants)

    @property
    def width(self) -> int:
        return self.order - 1 if self.d is None else self.d


EXAMPLES = {
    "plain": GroupOrthogonalConfig(order=6, d=3),
    "whole": GroupOrthogonalConfig(order=5),
}


class GroupOrthogonal(nn.Module):
    """Pairs [batch, 2] to logits [batch, order]; `tokens` [order, d, d]."""

    def __init__(self, config: GroupOrthogonalConfig) -> None:
        super().__init__()
        self.config = config
        start = polar(torch.randn(config.order, config.width, config.width, dtype=torch.float64))
        signs = torch.tensor(config.signs, dtype=torch.float64, device=start.device)
        start[:, 0] *= (torch.linalg.det(start).sign() * signs)[:, None]
        self.tokens = nn.Parameter(start.to(torch.get_default_dtype()))
        self.hook_product = HookPoint()

    def forward(self, pairs: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch order"]:
        return self.config.scale * self.scores(pairs)

    def scores(self, pairs: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch order"]:
        """z(c | a, b), in [-1, 1] for orthogonal tokens."""
        return self._scores(self.tokens, pairs)

    def _scores(self, tokens: Tensor, pairs: Tensor) -> Tensor:
        # index_select: its backward is several times faster than that of indexing.
        a, b = (tokens.index_select(0, pairs[..., i].flatten()) for i in (0, 1))
        product = self.hook_product((a @ b).unflatten(0, pairs.shape[:-1]))
        return product.flatten(-2) @ tokens.flatten(-2).T / self.config.width

    def loss(
        self, pairs: Int[Tensor, "*batch 2"], targets: Int[Tensor, "*batch"]
    ) -> Float[Tensor, ""]:
        """Mean over the batch of sum_c (z_c - t_c)^2 + pull (1 - z_ab).

        The tokens pass one Newton-Schulz step, which leaves their values alone and projects the
        gradient on the tangent space.
        """
        z = self._scores(newton_schulz(self.tokens, 1), pairs)
        hit = targets[..., None] == torch.arange(self.config.order, device=z.device)
        wanted = torch.where(hit, 1.0, -1 / (self.config.order - 1))
        pulled = self.config.pull * (1 - z) * hit
        return ((z - wanted).square() + pulled).sum(-1).mean()

    def constrain(self, parameters: Parameters) -> dict[str, Tensor]:
        """Back to orthogonal tokens after a step (any leading axes)."""
        return {**parameters, "tokens": newton_schulz(parameters["tokens"])}

    def representation(self, pairs: Int[Tensor, "input 2"]) -> Float[Tensor, "input feature"]:
        """A_a A_b, flat."""
        return (self.tokens[pairs[:, 0]] @ self.tokens[pairs[:, 1]]).flatten(1)

    def matrices(self) -> Tensor:
        """A_a for every element a, as complex matrices [order, d, d]."""
        return torch.complex(self.tokens, torch.zeros_like(self.tokens))

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.order, (count, 2), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"row.{i}": Site("hook_product", -2, i) for i in range(self.config.width)}

    def decompose(self, pairs: Int[Tensor, "*batch 2"]) -> Decomposition:
        """One part per row of A_a A_b, in the model's own basis; another basis gives the same sum
        in other rows (see `group_representation`)."""
        _, cache = record(self, pairs, ["hook_product"])
        product = cache["hook_product"]
        factor = self.config.scale / self.config.width
        parts = [
            Component(f"row.{i}", product[..., i, :], factor * self.tokens[:, i].T)
            for i in range(self.config.width)
        ]
        return Decomposition(tuple(parts), Exactness.unconditional())

    def symmetry(self) -> Symmetry:
        """O(d) by conjugation; invariants, as no canonical form is unique."""
        actions = (Action("tokens", 1, "direct"), Action("tokens", 2, "dual"))
        basis = Factor(
            "basis",
            OrthogonalConjugation(self.config.width),
            actions,
            stabiliser=int(self.config.width == 2),
        )
        return Symmetry((basis,), lambda p: triple_traces(p["tokens"]))

    def certificate(self) -> Certificate:
        """Whether the tokens are the one optimum of the group that they answer with."""
        return group_certificate(self.matrices(), real=True)

    def interpretation(self) -> Interpretation:
        """The operation it has learned, its character, and the formula that they give."""
        return read_tokens(self.matrices().detach(), self.config.scale)


def triple_traces(tokens: Float[Tensor, "order d d"]) -> dict[str, Tensor]:
    """tr(A_a A_b A_c^T) / d."""
    return {"z": torch.stack(list(score_rows(tokens)))}
