"""Matrix-valued tokens on a finite group: token a is a unitary matrix A_a, and

    z(c | a, b) = tr(A_a A_b A_c*) / d,    logits = scale * Re z.

The loss, sum over c of |z - t_c|^2 with t = 1 at c = ab and -1/(order - 1) elsewhere, has its
optimum, at d = order - 1, in the regular representation less the trivial one, unique up to a
change of basis: its character is -1 off the identity, so every wrong answer is equally far. A pull,
1 - Re z_ab = |A_a A_b - A_ab|^2 / 2d, is least at the same point and shortens the way to it.
The complex modulus matters: Re tr alone also admits omega I_2 on Z_3. Kin: HyperCube (Huh 2025),
whose tokens are unconstrained. The output is a polynomial of the tokens, exact from the weights.

Among unitary tokens the declared symmetry, PU(d) of dimension d^2 - 1 and conjugation, is
everything for d < order (measured: orders 3 to 7 at d = order - 1, order 5 at each d below) and
a part for larger d: at d = order = 5, 40 flat directions for 24 declared. Among unconstrained
tokens it is a part sooner (order 5, d = 4: 35 for 15, as 160 numbers set 125 logits); training
never goes there.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Int
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
from interpretable_arch.symmetries.conjugation import ComplexConjugation, UnitaryConjugation
from interpretable_arch.symmetries.groups import polar
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry


@dataclass(frozen=True)
class GroupRepresentationConfig:
    """`d` defaults to order - 1, where the optimum is unique; `scale` turns Re z into logits."""

    order: int
    d: int | None = None
    scale: float = 10.0
    pull: float = 0.3

    def __post_init__(self) -> None:
        if self.order < 2:
            raise ValueError(f"order: wanted at least 2, got {self.order}")
        at_least_one(d=self.width)

    @property
    def width(self) -> int:
        return self.order - 1 if self.d is None else self.d


EXAMPLES = {
    "plain": GroupRepresentationConfig(order=6, d=3),
    "whole": GroupRepresentationConfig(order=5),
}


class GroupRepresentation(nn.Module):
    """Pairs [batch, 2] to logits [batch, order]; `tokens` [order, d, d, 2], real and imaginary."""

    def __init__(self, config: GroupRepresentationConfig) -> None:
        super().__init__()
        self.config = config
        n, d = config.order, config.width
        start = polar(torch.randn(n, d, d, dtype=torch.complex128))
        start = torch.view_as_real(start).to(torch.get_default_dtype())
        self.tokens = nn.Parameter(start.contiguous())
        self.hook_product = HookPoint()

    def matrices(self) -> Complex[Tensor, "order d d"]:
        """A_a for every element a."""
        return torch.view_as_complex(self.tokens)

    def forward(self, pairs: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch order"]:
        return self.config.scale * self.scores(pairs).real

    def scores(self, pairs: Int[Tensor, "*batch 2"]) -> Complex[Tensor, "*batch order"]:
        """z(c | a, b), in the unit disc for unitary tokens."""
        return self._scores(self.matrices(), pairs)

    def _scores(self, tokens: Tensor, pairs: Tensor) -> Tensor:
        # index_select: its backward is several times faster than that of indexing.
        a, b = (tokens.index_select(0, pairs[..., i].flatten()) for i in (0, 1))
        product = self.hook_product((a @ b).unflatten(0, pairs.shape[:-1]))
        return product.flatten(-2) @ tokens.flatten(-2).conj().T / self.config.width

    def loss(
        self, pairs: Int[Tensor, "*batch 2"], targets: Int[Tensor, "*batch"]
    ) -> Float[Tensor, ""]:
        """Mean over the batch of sum_c |z_c - t_c|^2 + pull (1 - Re z_ab).

        The tokens pass one Newton-Schulz step, which leaves their values alone and projects the
        gradient on the tangent space.
        """
        z = self._scores(newton_schulz(self.matrices(), 1), pairs)
        hit = targets[..., None] == torch.arange(self.config.order, device=z.device)
        wanted = torch.where(hit, 1.0, -1 / (self.config.order - 1))
        square = (z.real - wanted).square() + z.imag.square()
        pulled = self.config.pull * (1 - z.real) * hit
        return (square + pulled).sum(-1).mean()

    def constrain(self, parameters: Parameters) -> dict[str, Tensor]:
        """Back to unitary tokens after a step (any leading axes)."""
        tokens = torch.view_as_complex(parameters["tokens"])
        return {**parameters, "tokens": torch.view_as_real(newton_schulz(tokens))}

    def representation(self, pairs: Int[Tensor, "input 2"]) -> Float[Tensor, "input feature"]:
        """A_a A_b, flat; a change of basis leaves its inner products alone."""
        tokens = self.matrices()
        return torch.view_as_real(tokens[pairs[:, 0]] @ tokens[pairs[:, 1]]).flatten(1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.order, (count, 2), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"row.{i}": Site("hook_product", -2, i) for i in range(self.config.width)}

    def decompose(self, pairs: Int[Tensor, "*batch 2"]) -> Decomposition:
        """One part per row of A_a A_b, in the model's own basis.

        Another basis gives the same sum in other rows. After `in_basis` with the basis of a
        reading, `Decomposition.grouped` joins rows into irreducibles, which are no choice.
        """
        _, cache = record(self, pairs, ["hook_product"])
        product = torch.view_as_real(cache["hook_product"])
        factor = self.config.scale / self.config.width
        parts = []
        for i in range(self.config.width):
            direction = factor * self.tokens[:, i].flatten(1).T
            parts.append(Component(f"row.{i}", product[..., i, :, :].flatten(-2), direction))
        return Decomposition(tuple(parts), Exactness.unconditional())

    def in_basis(self, basis: Complex[Tensor, "d d"]) -> "GroupRepresentation":
        """A copy with tokens U A_a U*; the same function where U = `basis` is unitary.

        Raises ValueError where it is not (to 1e-4).
        """
        gap = basis @ basis.mH - torch.eye(len(basis), dtype=basis.dtype, device=basis.device)
        if float(gap.abs().max()) > 1e-4:
            raise ValueError(f"basis: wanted U U* = 1, got {float(gap.abs().max()):.2g} away")
        moved = deepcopy(self)
        with torch.no_grad():
            tokens = basis @ self.matrices().to(basis.dtype) @ basis.mH
            moved.tokens.copy_(torch.view_as_real(tokens))
        return moved

    def symmetry(self) -> Symmetry:
        """PU(d) by conjugation and complex conjugation; invariants, as no canonical form is."""
        d = self.config.width
        rows = Action("tokens", 1, "direct", complex=True)
        columns = Action("tokens", 2, "dual", complex=True)
        factors = (
            Factor("conjugate", ComplexConjugation(d), (rows,)),
            Factor("basis", UnitaryConjugation(d), (rows, columns), stabiliser=1),
        )
        return Symmetry(factors, lambda p: triple_traces(torch.view_as_complex(p["tokens"])))

    def certificate(self) -> Certificate:
        """Whether the tokens are the one optimum of the group that they answer with."""
        return group_certificate(self.matrices(), real=False)

    def interpretation(self) -> Interpretation:
        """The operation it has learned, its character, and the formula that they give."""
        return read_tokens(self.matrices().detach(), self.config.scale)


def triple_traces(tokens: Tensor) -> dict[str, Tensor]:
    """tr(A_a A_b A_c*)/d, conjugated so that its largest imaginary part is positive."""
    z = torch.stack(list(score_rows(tokens)))
    imaginary = z.imag.flatten()
    sign = torch.sign(imaginary[imaginary.abs().argmax()])
    return {"real": z.real, "imaginary": z.imag * torch.where(sign < 0, -1.0, 1.0)}
