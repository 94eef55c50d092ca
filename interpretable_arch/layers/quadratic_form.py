"""Full quadratic forms in the mlp's place, one for each output: the full-rank kin of `bilinear`.

    y_o = x M_o x^T + x W_o + b_o = sum_i lambda_oi (v_oi . x)^2 + x W_o + b_o

Without an activation function the layer is read from the weights alone. Only the symmetric part of
M_o acts, and what is antisymmetric is declared as symmetry: stored whole, the matrices turn with
the stream. Each coordinate is a part, x_i times the linear form (x M_o)_i + W_oi. d_out d_model^2
numbers: for narrow streams, and as the head of a classifier; `models.quadratic_form` is the convex
classifier of the same form.
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
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.maths import symmetric_forms
from interpretable_arch.maths.quadratic import Eigenfeatures, effective_rank
from interpretable_arch.symmetries.antisymmetric import Antisymmetric
from interpretable_arch.symmetry import Action, Factor, Symmetry


@dataclass(frozen=True)
class QuadraticFormConfig:
    """`d_out` defaults to d_model (the mlp's place); `bias` adds the linear form and the constant.

    The matrices begin at `std` / sqrt(d_model), so that the forms of a normed x begin at its size.
    """

    d_model: int
    d_out: int | None = None
    bias: bool = True
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        at_least_one(d_model=self.d_model, d_out=self.d_out)

    @property
    def outputs(self) -> int:
        return self.d_model if self.d_out is None else self.d_out


EXAMPLES = {
    "plain": QuadraticFormConfig(d_model=4, bias=False, std=0.5),
    "bias": QuadraticFormConfig(d_model=4, std=0.5),
    "rectangular": QuadraticFormConfig(d_model=5, d_out=3, std=0.5),
}


class QuadraticForm(nn.Module):
    """M [d_model, d_model, d_out], W [d_model, d_out], b [d_out]."""

    def __init__(self, config: QuadraticFormConfig) -> None:
        super().__init__()
        self.config = c = config
        std = c.std if c.std_out is None else c.std_out
        d, out = c.d_model, c.outputs
        self.M = nn.Parameter(torch.empty(d, d, out).normal_(std=std / d**0.5))
        self.W = nn.Parameter(torch.empty(d, out).normal_(std=std)) if c.bias else None
        self.b = nn.Parameter(torch.zeros(out)) if c.bias else None
        self.hook_left, self.hook_one = HookPoint(), HookPoint()

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_out"]:
        left = self.hook_left(x)
        y = torch.einsum("...i,...io->...o", left, torch.einsum("...j,ijo->...io", x, self.M))
        if self.W is None or self.b is None:
            return y
        return y + left @ self.W + self.hook_one(torch.ones_like(x[..., :1])) @ self.b[None]

    def interaction(self, u: Float[Tensor, " d_out"]) -> Float[Tensor, "d_model d_model"]:
        """Q_u, symmetric: the quadratic part of u . y is x Q_u x^T."""
        return (self.M @ u + (self.M @ u).mT) / 2

    def eigenfeatures(self, u: Float[Tensor, " d_out"]) -> Eigenfeatures:
        """The eigenpairs of Q_u, from the weights alone."""
        return symmetric_forms.eigenpairs(self.interaction(u)[None])[0]

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        inner = {f"coordinate.{i}": Site("hook_left", -1, i) for i in range(self.config.d_model)}
        return {**inner, "constant": Site("hook_one", -1, 0)} if self.config.bias else inner

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per coordinate, with all that it multiplies, and the constant."""
        names = ["hook_left", "hook_one"] if self.config.bias else ["hook_left"]
        cache = record(self, x, names)[1]
        left, parts = cache["hook_left"], []
        for i in range(self.config.d_model):
            factor, coefficient, direction = left[..., i : i + 1], x, self.M[i]
            if self.W is not None:
                coefficient = torch.cat([x, torch.ones_like(factor)], -1)
                direction = torch.cat([direction, self.W[i : i + 1]])
            parts.append(Component(f"coordinate.{i}", factor * coefficient, direction))
        if self.b is not None:
            parts.append(Component("constant", cache["hook_one"], self.b[None]))
        return Decomposition(tuple(parts), Exactness.unconditional(), "activation")

    def residual_actions(self) -> list[Action]:
        """Where the stream enters, twice in M, and leaves."""
        inner = [Action("M", axis, anchor=False) for axis in (0, 1, 2)]
        if not self.config.bias:
            return inner
        return [*inner, Action("W", 0), Action("W", 1), Action("b", 0)]

    def symmetry(self) -> Symmetry:
        """Antisymmetric matrices may be added to each output's."""
        group = Antisymmetric(self.config.d_model)
        seen = Action("M", 0, copies_axis=2)
        return Symmetry((Factor("antisymmetric", group, (seen,), self.config.outputs),))

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """Per output the effective rank of its form and its extreme eigenvalues."""
        features = []
        for o, u in enumerate(torch.eye(self.config.outputs).to(self.M)):
            values = self.eigenfeatures(u).values
            for name, value, what in (
                ("effective_rank", effective_rank(values), "exp of the entropy of |lambda|"),
                ("largest", float(values.max()), "most positive eigenvalue"),
                ("smallest", float(values.min()), "most negative eigenvalue"),
            ):
                features.append(Feature(f"output.{o}.{name}", value, what))
        return Interpretation("", tuple(features))
