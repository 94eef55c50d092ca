"""Bilinear MLP in the mlp's place (Pearce et al. 2024, arXiv 2410.08417).

    y = [(x W_l) * (x W_r)] P

Without an activation function the layer is a quadratic form in every output direction u,
u . y = x Q_u x^T = sum_i lambda_i (v_i . x)^2, so it is read from the weights alone. Each neuron is
a part, (w_l . x)(w_r . x) times its row of P: nothing has to be held. A bias appends 1 to x, and
is one more row of W_l and W_r, stored on its own.

The declared symmetry is everything while the neurons' forms are told apart: d_hidden neurons have
(2 d_model + d_out - 2) d_hidden free numbers, against d_out d_model (d_model + 1) / 2 of the forms.
"""

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
from interpretable_arch.maths import quadratic
from interpretable_arch.maths.quadratic import Eigenfeatures
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetries.products import FactorScales
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class BilinearConfig:
    """`d_hidden` defaults to 4 d_model, `d_out` to d_model (the mlp's place)."""

    d_model: int
    d_hidden: int | None = None
    d_out: int | None = None
    bias: bool = False
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        at_least_one(d_model=self.d_model, d_hidden=self.d_hidden, d_out=self.d_out)

    @property
    def width(self) -> int:
        return 4 * self.d_model if self.d_hidden is None else self.d_hidden

    @property
    def outputs(self) -> int:
        return self.d_model if self.d_out is None else self.d_out


EXAMPLES = {
    "plain": BilinearConfig(d_model=4, d_hidden=3, std=0.5),
    "bias": BilinearConfig(d_model=4, d_hidden=3, bias=True, std=0.5),
    "rectangular": BilinearConfig(d_model=5, d_hidden=4, d_out=3, std=0.5),
}


class Bilinear(nn.Module):
    """W_in [side, d_model, d_hidden], left then right; W_out [d_hidden, d_out] is P."""

    def __init__(self, config: BilinearConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.W_in = nn.Parameter(torch.empty(2, c.d_model, c.width).normal_(std=c.std))
        self.W_out = nn.Parameter(torch.empty(c.width, c.outputs).normal_(std=c.std_out or c.std))
        self.b_in = nn.Parameter(torch.zeros(2, c.width)) if c.bias else None
        self.hook_left, self.hook_right, self.hook_post = (HookPoint() for _ in range(3))

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_out"]:
        left, right = x @ self.W_in[0], x @ self.W_in[1]
        if self.b_in is not None:
            left, right = left + self.b_in[0], right + self.b_in[1]
        return self.hook_post(self.hook_left(left) * self.hook_right(right)) @ self.W_out

    def interaction(self, u: Float[Tensor, " d_out"]) -> Float[Tensor, "d_in d_in"]:
        """Q_u, symmetric: u . y = x Q_u x^T, with 1 appended to x where there is a bias."""
        return quadratic.interaction(*self.factors(), self.W_out @ u)

    def eigenfeatures(self, u: Float[Tensor, " d_out"]) -> Eigenfeatures:
        """The eigenpairs of Q_u, min(d_in, 2 d_hidden) of them, from the weights alone."""
        return quadratic.eigenfeatures(*self.factors(), self.W_out @ u)

    def factors(self) -> tuple[Float[Tensor, "d_in d_hidden"], Float[Tensor, "d_in d_hidden"]]:
        """W_l and W_r, the bias as a last row where there is one."""
        if self.b_in is None:
            return self.W_in[0], self.W_in[1]
        left, right = torch.cat([self.W_in, self.b_in[:, None]], 1)
        return left, right

    def homogeneous(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_in"]:
        """What the forms are taken of: x, with 1 appended where there is a bias."""
        return x if self.b_in is None else torch.cat([x, torch.ones_like(x[..., :1])], -1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"neuron.{n}": Site("hook_post", -1, n) for n in range(self.config.width)}

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per neuron."""
        post = record(self, x, ["hook_post"])[1]["hook_post"]
        parts = tuple(
            Component(f"neuron.{n}", post[..., n : n + 1], self.W_out[n : n + 1])
            for n in range(self.config.width)
        )
        return Decomposition(parts, Exactness.unconditional(), "activation")

    def residual_actions(self) -> list[Action]:
        """Where the residual stream enters and leaves."""
        return [Action("W_in", 1), Action("W_out", -1)]

    def symmetry(self) -> Symmetry:
        """Neurons permute; inside each, left and right swap, scale and change sign."""
        n = self.config.width
        permuted, swapped = (
            [Action("W_in", 2), Action("W_out", 0)],
            [Action("W_in", 0, "direct", 2)],
        )
        if self.b_in is not None:
            permuted.append(Action("b_in", 1))
            swapped.append(Action("b_in", 0, "direct", 1))
        scaled = (*swapped, Action("W_out", 1, "dual", 0))
        return Symmetry(
            (
                Factor("neurons", Permutation(n), tuple(permuted), key=neurons),
                Factor("sides", Permutation(2), tuple(swapped), n, key=sides),
                Factor("scales", FactorScales(2), scaled, n),
            )
        )

    def interpretation(self) -> Interpretation:
        """Per neuron, in order of size: how large it is, and how alike its two factors are."""
        left, right, W_out = _unit_factors(self.symmetry().canonical(weights(self)))
        size, alike = W_out.norm(dim=1), (left * right).sum(1).abs()
        features = []
        for n in range(self.config.width):
            for does, value, what in (
                ("size", size, "|w_l| |w_r| |row of P|"),
                ("alike", alike, "|cos(w_l, w_r)|: 1 a square"),
            ):
                features.append(ranked("neuron", n, does, float(value[n]), what))
        return Interpretation("", tuple(features))


def _unit_factors(parameters: Parameters) -> tuple[Tensor, Tensor, Tensor]:
    """Unit rows w_l and w_r [d_hidden, d_in], and P [d_hidden, d_out] with their norms."""
    rows = parameters["W_in"].mT
    if "b_in" in parameters:
        rows = torch.cat([rows, parameters["b_in"][..., None]], -1)
    norms = rows.norm(dim=-1, keepdim=True)
    left, right = rows / norms.clamp_min(torch.finfo(rows.dtype).tiny)
    return left, right, parameters["W_out"] * norms[0] * norms[1]


def neurons(parameters: Parameters) -> Float[Tensor, "d_hidden feature"]:
    """What identifies a neuron whatever its sides, scales and signs.

    The sign of w_l . w_r, which a swap keeps, fixes that of P; the half-sum and half-difference
    of the unit factors (the eigenvectors of their form) are taken without sign.
    """
    left, right, W_out = _unit_factors(parameters)
    sign = torch.where((left * right).sum(1, keepdim=True) < 0, -1.0, 1.0).to(left.dtype)
    size = W_out.norm(dim=1, keepdim=True)
    eigenvectors = torch.cat([(left + sign * right).abs(), (left - sign * right).abs()], 1)
    return torch.cat([sign * W_out, size * eigenvectors], 1)


def sides(parameters: Parameters) -> Float[Tensor, "d_hidden 2 feature"]:
    """Each factor without scale and sign, longer the better it agrees with all the others.

    The length is one that a rotation of the stream keeps, so that it orders the sides.
    """
    left, right, W_out = _unit_factors(parameters)
    both = torch.stack([left, right], 1)
    size = W_out.norm(dim=1)
    agreement = torch.einsum("nsd,mtd->nsmt", both, both).square().sum(-1) @ (size / size.mean())
    return both.abs() * agreement[..., None]
