"""A signal as a sum of decaying oscillations: k -> sum_j r_j p_j^k, complex, |p_j| < 1.

What models of rational signals share; which poles and residues is what they differ in. A power is
a product of squares, p^k = prod_b p^(2^b) over the binary digits of k: a polynomial of the pole,
smooth at 0 too. The output is the real and the imaginary part: of the real part alone p and its
conjugate could not be told apart. The only symmetry is the order of the poles.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Formula, Interpretation, ranked
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class PoleSumConfig:
    """`poles` of them; the signal has `samples`, and its own poles are stated to lie inside
    `radius`. `std` is that of the random residues."""

    samples: int
    poles: int = 3
    radius: float = 0.9
    std: float = 1.0

    def __post_init__(self) -> None:
        at_least_one(samples=self.samples, poles=self.poles)
        if not 0 < self.radius < 1:
            raise ValueError(f"radius: wanted more than 0 and less than 1, got {self.radius}")


class PoleSum(nn.Module):
    """Sample numbers [.., 1], from 0 up, to the signal there [.., 2], real and imaginary part.

    `poles` and `residues` are [pole, 2]; the start is even on the disc of the stated radius. The
    largest sample number is the first power of two from `samples` on, less one; beyond: IndexError.
    """

    digits: Float[Tensor, "number digit"]

    def __init__(self, config: PoleSumConfig) -> None:
        super().__init__()
        self.config = config
        radii = config.radius * torch.rand(config.poles).sqrt()
        angles = 2 * torch.pi * torch.rand(config.poles)
        start = torch.stack([radii * angles.cos(), radii * angles.sin()], -1)
        self.poles = nn.Parameter(start)
        self.residues = nn.Parameter(config.std * torch.randn(config.poles, 2))
        bits = torch.arange(max(1, (config.samples - 1).bit_length()))
        numbers = torch.arange(2 ** len(bits))
        self.register_buffer("digits", numbers[:, None] >> bits & 1 == 1, persistent=False)
        self.hook_powers = HookPoint()

    def forward(self, at: Int[Tensor, "*index 1"]) -> Float[Tensor, "*index 2"]:
        powers = torch.view_as_real(self.powers(at))
        return torch.einsum("...jx,jxy->...y", self.hook_powers(powers), self.multipliers())

    def powers(self, at: Int[Tensor, "*index 1"]) -> Complex[Tensor, "*index pole"]:
        """p_j^k."""
        square = torch.view_as_complex(self.poles)
        found = torch.ones_like(square)
        for on in self.digits[at].unbind(-1):
            found = found * torch.where(on, square, torch.ones_like(square))
            square = square * square
        return found

    def multipliers(self) -> Float[Tensor, "pole 2 2"]:
        """Multiplication by r_j as a matrix on rows (real, imaginary)."""
        real, imaginary = self.residues.unbind(-1)
        rows = (torch.stack([real, imaginary], -1), torch.stack([-imaginary, real], -1))
        return torch.stack(rows, -2)

    def loss(
        self, at: Int[Tensor, "*index 1"], targets: Float[Tensor, "*index 2"]
    ) -> Float[Tensor, ""]:
        """Mean squared modulus of the difference."""
        return (self(at) - targets.to(self.poles)).square().sum(-1).mean()

    def decompose(self, at: Int[Tensor, "*index 1"]) -> Decomposition:
        """One part per pole, r_j p_j^k, from the weights alone."""
        powers = record(self, at, ["hook_powers"])[1]["hook_powers"]
        parts = [
            Component(f"pole.{j}", powers[..., j, :], matrix)
            for j, matrix in enumerate(self.multipliers())
        ]
        return Decomposition(tuple(parts), Exactness.unconditional(), "value")

    def sites(self) -> Mapping[str, Site]:
        return {f"pole.{j}": Site("hook_powers", -2, j) for j in range(self.config.poles)}

    def symmetry(self) -> Symmetry:
        """The order of the poles."""
        if self.config.poles == 1:
            return Symmetry(())
        rows = (Action("poles", 0), Action("residues", 0))
        return Symmetry((Factor("poles", Permutation(self.config.poles), rows, key=identified),))

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """Where each pole is and how much it carries, and the signal as a formula."""
        values = self.symmetry().canonical(weights(self))
        poles, residues = (torch.view_as_complex(values[n]) for n in ("poles", "residues"))
        features = [
            ranked("pole", j, does, float(value), what)
            for j, (p, r) in enumerate(zip(poles, residues, strict=True))
            for does, value, what in (
                ("real", p.real, "real part of the pole"),
                ("imaginary", p.imag, "imaginary part of the pole"),
                ("residue", r.abs(), "modulus of its residue"),
            )
        ]
        return Interpretation("", tuple(features), (self._formula(poles, residues),))

    def _formula(self, poles: Tensor, residues: Tensor) -> Formula:
        """r p^k = |r| |p|^k cos(k arg p + arg r), a quarter turn later for the imaginary part."""
        turns = residues.angle()[:, None] - torch.pi / 2 * torch.arange(2).to(self.poles)
        terms = [f"a[{j}]*m[{j}]**x0*cos(w[{j}]*x0 + t[{j}])" for j in range(len(poles))]
        constants = {"a": residues.abs(), "m": poles.abs(), "w": poles.angle(), "t": turns}
        arrays = {n: v.double().cpu().numpy() for n, v in constants.items()}
        made = Formula("signal", " + ".join(terms), ("x0",), arrays, "value", 0.0)
        at = torch.arange(len(self.digits))[:, None]
        found = torch.from_numpy(made.evaluate(x0=at.numpy())).to(self.poles)
        error = float((found - self(at.to(self.poles.device))).abs().max())
        return Formula(made.name, made.expression, ("x0",), arrays, "value", 2 * error)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.samples, (count, 1), generator=generator)


def identified(parameters: Parameters) -> Float[Tensor, "pole 4"]:
    """What identifies a pole; from a point off the axes, so that its conjugate is not as far."""
    poles, residues = parameters["poles"], parameters["residues"]
    origin = torch.tensor([3.0, 1.0]).to(poles)
    return torch.cat([poles + origin, residues / (1 + residues.norm(dim=-1, keepdim=True))], -1)
