"""HyperCube (Huh 2025, arXiv 2402.17002): three unconstrained matrices for each element,

    T(c | a, b) = tr(A_a B_b C_c) / d,    logits = scale * T,    d = order.

Loss: sum over c of (T - [c = ab])^2 plus epsilon H / order^2, where

    H = (1/d) (sum_ab |A_a B_b|^2 + sum_bc |B_b C_c|^2 + sum_ca |C_c A_a|^2),

the squared derivative of T by its factors, times d. Among the factors that fit a whole group table
exactly the least H is 3 order^2, at A_g = B_g = C_g^T = the regular representation up to a change
of basis and of scale (measured for Z3 and S3 here; proved where the factors are collinear, Huh and
Jeong 2025, arXiv 2511.23152; a conjecture beyond). It is the peer of `group_representation`, whose
one token stands for all three and cannot leave the unitary matrices. The output is a polynomial of
the parameters.

Declared: GL(d)^3 modulo scalars, A -> U A V^-1, B -> V B W^-1, C -> W C U^-1, of dimension
3 d^2 - 1, everything while the parameters it leaves, 3 order d^2 - 3 d^2 + 1, are no more than the
order^3 logits (measured: order 5, d = 3). At d = order it is a part. The regulariser is kept by the
orthogonal part alone.
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
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.readings.cube_reading import read_cube
from interpretable_arch.symmetries.groups import GeneralLinear
from interpretable_arch.symmetries.projective_linear import ProjectiveLinear
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry


@dataclass(frozen=True)
class HyperCubeConfig:
    """`d` defaults to the order; `epsilon` weighs H; `spread` is that of the start's singular
    values, about; `scale` turns T into logits."""

    order: int
    d: int | None = None
    epsilon: float = 0.1
    spread: float = 1.0
    scale: float = 10.0

    def __post_init__(self) -> None:
        if self.order < 2:
            raise ValueError(f"order: wanted at least 2, got {self.order}")
        at_least_one(d=self.width)
        if self.epsilon < 0:
            raise ValueError(f"epsilon: wanted 0 or more, got {self.epsilon}")

    @property
    def width(self) -> int:
        return self.order if self.d is None else self.d


EXAMPLES = {
    "plain": HyperCubeConfig(order=5, d=3),
    "narrow": HyperCubeConfig(order=4, d=2),
}


class HyperCube(nn.Module):
    """Pairs [batch, 2] to logits [batch, order]; `A`, `B`, `C` [order, d, d]."""

    def __init__(self, config: HyperCubeConfig) -> None:
        super().__init__()
        self.config = config
        shape, size = (config.order, config.width, config.width), config.spread / config.width**0.5
        self.A, self.B, self.C = (nn.Parameter(torch.randn(shape) * size) for _ in range(3))
        self.hook_product = HookPoint()

    def forward(self, pairs: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch order"]:
        return self.config.scale * self.scores(pairs)

    def scores(self, pairs: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch order"]:
        """T(c | a, b)."""
        # index_select: its backward is several times faster than that of indexing.
        a, b = (x.index_select(0, pairs[..., i].flatten()) for i, x in enumerate((self.A, self.B)))
        product = self.hook_product((a @ b).unflatten(0, pairs.shape[:-1]))
        return product.flatten(-2) @ self.C.mT.flatten(-2).T / self.config.width

    def loss(
        self, pairs: Int[Tensor, "*batch 2"], targets: Int[Tensor, "*batch"]
    ) -> Float[Tensor, ""]:
        """Mean over the batch of sum_c (T_c - [c = ab])^2, plus epsilon H / order^2."""
        hit = targets[..., None] == torch.arange(self.config.order, device=targets.device)
        fit = (self.scores(pairs) - hit.to(self.A.dtype)).square().sum(-1).mean()
        return fit + self.config.epsilon * self.regulariser() / self.config.order**2

    def regulariser(self) -> Float[Tensor, ""]:
        """H, by sum_ab |A_a B_b|^2 = tr(sum_a A_a^T A_a  sum_b B_b B_b^T)."""
        left = {n: torch.einsum("aji,ajk->ik", x, x) for n, x in self._factors().items()}
        right = {n: torch.einsum("aij,akj->ik", x, x) for n, x in self._factors().items()}
        pairs = (("A", "B"), ("B", "C"), ("C", "A"))
        total = torch.stack([torch.einsum("ij,ij->", left[x], right[y]) for x, y in pairs])
        return total.sum() / self.config.width

    def _factors(self) -> dict[str, Tensor]:
        return {"A": self.A, "B": self.B, "C": self.C}

    def representation(self, pairs: Int[Tensor, "input 2"]) -> Float[Tensor, "input feature"]:
        """A_a B_b, flat."""
        return (self.A[pairs[:, 0]] @ self.B[pairs[:, 1]]).flatten(1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.order, (count, 2), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"row.{i}": Site("hook_product", -2, i) for i in range(self.config.width)}

    def decompose(self, pairs: Int[Tensor, "*batch 2"]) -> Decomposition:
        """One part per row of A_a B_b, in the model's own basis."""
        _, cache = record(self, pairs, ["hook_product"])
        product = cache["hook_product"]
        factor = self.config.scale / self.config.width
        parts = [
            Component(f"row.{i}", product[..., i, :], factor * self.C[:, :, i].T)
            for i in range(self.config.width)
        ]
        return Decomposition(tuple(parts), Exactness.unconditional())

    def symmetry(self) -> Symmetry:
        """A change of basis at each of the three joints; invariants, as no form is unique."""
        d = self.config.width
        outer = (Action("A", 1, "direct"), Action("C", 2, "dual", anchor=False))
        first = (Action("A", 2, "direct"), Action("B", 1, "dual", anchor=False))
        second = (Action("B", 2, "direct"), Action("C", 1, "dual"))
        factors = (
            Factor("outer", ProjectiveLinear(d), outer),
            Factor("first", GeneralLinear(d), first),
            Factor("second", GeneralLinear(d), second),
        )
        return Symmetry(factors, lambda p: {"T": triples(p)})

    def interpretation(self) -> Interpretation:
        """The operation it has learned, its character, and the formula that they give."""
        return read_cube(triples(dict(self.named_parameters())).detach(), self.config.scale)


def triples(parameters: Parameters) -> Float[Tensor, "order order order"]:
    """tr(A_a B_b C_c) / d."""
    A, B, C = (parameters[name] for name in "ABC")
    products = torch.einsum("aij,bjk->abik", A, B).flatten(2)
    return products @ C.mT.flatten(1).T / A.shape[-1]
