"""A convex classifier: one quadratic form of the features for each class.

    logit_c = x M_c x^T = sum_i lambda_ci (v_ci . x)^2,   x = (1, (features - centre) / scale)

M_c is symmetric and free, the full-rank kin of the bilinear layer; its eigenpairs are the features.
Features are centred one by one and divided by one number for all, such that they have a mean square
length of `length`^2 beside the 1: a feature that never varies is 0 and adds nothing. `fit_data`
minimises the mean cross-entropy + l2/2 sum_c |M_c|^2 (Frobenius: an off-diagonal entry counts
twice; the entry of the constant counts too, else the loss were flat there), which is strongly
convex: one optimum, whatever the start (`maths.form_classes`). At the optimum sum_c M_c = 0, since
the cross-entropy does not see what is added to all classes alike.

The parameters are the coordinates of M_c in which its norm is plain (`maths.symmetric_forms`).
Different coordinates give different logits: there is no symmetry. Of the *probabilities* there is
one, M_c -> M_c + S with one S for all classes, and sum_c M_c = 0 is its canonical form.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.maths import symmetric_forms
from interpretable_arch.maths.constant_columns import constant
from interpretable_arch.maths.form_classes import fit_forms, loss_and_gradient
from interpretable_arch.maths.quadratic import Eigenfeatures, effective_rank
from interpretable_arch.readings.form_reading import polynomial_formula
from interpretable_arch.symmetry import Symmetry

LEVEL = 1e-13  # the joint gradient norm at which Newton's method stops
DISTANCE = 1e-6  # from the optimum, at most
SUMMED = 1e-6  # |sum_c M_c| against the root of sum_c |M_c|^2


@dataclass(frozen=True)
class QuadraticFormConfig:
    """`l2` is the ridge, in nats per unit; `length` that of scaled features, root mean square;
    `std` the random start's."""

    features: int
    outputs: int
    l2: float = 1e-4
    length: float = 2.0
    steps: int = 100
    std: float = 0.1

    def __post_init__(self) -> None:
        at_least_one(features=self.features, outputs=self.outputs, steps=self.steps)
        for name in ("l2", "length"):
            if not 0 < getattr(self, name) < math.inf:
                wanted = "a finite number above 0"
                raise ValueError(f"{name}: wanted {wanted}, got {getattr(self, name)}")


EXAMPLES = {
    "plain": QuadraticFormConfig(features=3, outputs=3, l2=1e-2, std=0.5),
    "binary": QuadraticFormConfig(features=2, outputs=2, l2=1e-2, std=0.5),
}


class QuadraticForm(nn.Module):
    """Features [.., feature] to logits [.., output]; `form` [output, coordinate] holds M.

    Before `fit_data` features are taken as they come.
    """

    centre: Float[Tensor, " feature"]
    scale: Float[Tensor, ""]
    fitted: Float[Tensor, "output coordinate"]
    fitted_units: Float[Tensor, " number"]
    optimum: Float[Tensor, "3"]
    examples: Int[Tensor, " output"]
    at: Int[Tensor, "d d"]

    def __init__(self, config: QuadraticFormConfig) -> None:
        super().__init__()
        self.config, d = config, config.features + 1
        start = config.std * torch.randn(config.outputs, symmetric_forms.size(d))
        self.form = nn.Parameter(start)
        self.register_buffer("at", symmetric_forms.places(d), persistent=False)
        self.register_buffer("centre", torch.zeros(config.features))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("fitted", start.clone())
        self.register_buffer("fitted_units", self._units())
        # Gradient norm at the stored parameters, loss in nats, Newton steps of the last fit.
        self.register_buffer("optimum", torch.full((3,), torch.nan))
        self.register_buffer("examples", torch.zeros(config.outputs, dtype=torch.long))
        self.hook_squares = HookPoint()

    def forward(self, x: Float[Tensor, "*index feature"]) -> Float[Tensor, "*index output"]:
        inputs, M = self.homogeneous(x), self.matrices()
        if not self.hook_squares.active:
            return symmetric_forms.values(inputs, M)
        values, vectors = _spectrum(M)
        squares = torch.einsum("cir,...i->...cr", vectors, inputs).square().flatten(-2)
        return (self.hook_squares(squares) * values.flatten()).unflatten(-1, values.shape).sum(-1)

    def homogeneous(self, x: Float[Tensor, "*index feature"]) -> Float[Tensor, "*index d"]:
        """(1, scaled features): what the forms are taken of."""
        scaled = (x.to(self.form) - self.centre) / self.scale
        return torch.cat([torch.ones_like(scaled[..., :1]), scaled], -1)

    def _units(self) -> Float[Tensor, " number"]:
        """Scale and centre."""
        return torch.cat([self.scale[None], self.centre])

    def matrices(self) -> Float[Tensor, "output d d"]:
        """M_c, symmetric, of the scaled features with the constant first."""
        return symmetric_forms.matrix(self.form, self.at)

    def raw_matrices(self) -> Float[Tensor, "output d d"]:
        """The same forms as matrices of (1, features) as they come."""
        M = self.matrices()
        change = torch.eye(M.shape[-1], dtype=M.dtype, device=M.device)
        change[1:, 1:] /= self.scale
        change[1:, 0] = -self.centre / self.scale
        found = change.T @ M @ change
        return (found + found.mT) / 2

    def eigenfeatures(self) -> tuple[Eigenfeatures, ...]:
        """Per class the eigenpairs of M_c, the largest in size first."""
        return symmetric_forms.eigenpairs(self.matrices().detach())

    @torch.no_grad()
    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Centre and scale by all examples, then minimise from the parameters as they stand.

        A class without examples is allowed: it is only held against. Raises ValueError for no
        examples, features that are not finite, not as many as `features` or too large or small to
        be squared, and for targets that are no classes from 0 to outputs - 1, one an example.
        """
        x, y = _joined(batches, self.config)
        x, y = x.to(self.form.device), y.to(self.form.device)
        still = constant(x)
        centre, scale = _measured(x.double(), still, self.config.length, self.form.dtype)
        self.centre.copy_(centre)
        self.scale.copy_(scale)
        self.fitted_units.copy_(self._units())
        inputs = self.homogeneous(x).double()
        inputs[:, 1:] *= ~still  # what is left of them is rounding
        start = symmetric_forms.matrix(self.form.double(), self.at)
        found = fit_forms(inputs, y, start, self.config.l2, LEVEL, self.config.steps)
        self.form.copy_(symmetric_forms.coordinates(found.matrices))
        self.fitted.copy_(self.form)
        kept = symmetric_forms.matrix(self.form.double(), self.at)
        loss, gradient, _ = loss_and_gradient(inputs, y, kept, self.config.l2)
        norm = float(gradient.norm())
        self.optimum.copy_(torch.tensor((norm, loss, float(found.steps)), dtype=torch.float64))
        self.examples.copy_(torch.bincount(y, minlength=self.config.outputs))

    def decompose(self, x: Float[Tensor, "*index feature"]) -> Decomposition:
        """One part per class and eigenfeature, lambda (v . x)^2, from the weights alone.

        Where eigenvalues are equal their parts are one basis of many: only their sum is the form's.
        """
        squares = record(self, x, ["hook_squares"])[1]["hook_squares"]
        values, _ = _spectrum(self.matrices())
        parts = []
        for n, name in enumerate(self.sites()):
            c, r = divmod(n, values.shape[1])
            direction = torch.zeros(1, len(values), dtype=values.dtype, device=values.device)
            direction[0, c] = values[c, r]
            parts.append(Component(name, squares[..., n : n + 1], direction))
        return Decomposition(tuple(parts), Exactness.unconditional())

    def sites(self) -> Mapping[str, Site]:
        c, d = self.config, self.config.features + 1
        names = [f"class.{k}.eigenfeature.{r}" for k in range(c.outputs) for r in range(d)]
        return {name: Site("hook_squares", -1, n) for n, name in enumerate(names)}

    def symmetry(self) -> Symmetry:
        """None: the coordinates are those of the logits' polynomials."""
        return Symmetry(())

    def certificate(self) -> Certificate:
        """That the model is within a stated distance of the one optimum of its data."""
        gradient, loss, steps = self.optimum.tolist()
        moved = float((self.form - self.fitted).detach().norm())
        units = float((self._units() - self.fitted_units).abs().max() / self.fitted_units[0])
        total, each = self.matrices().detach().sum(0).norm(), self.form.detach().norm()
        absent = [str(c) for c in (self.examples == 0).nonzero().squeeze(1).tolist()]
        note = f"no example of class {', '.join(absent)}: its form only speaks against it"
        return Certificate(
            "The optimum is unique: a mean of log-sum-exps of linear functions of the symmetric "
            "matrices plus l2/2 of their squared norm is strongly convex, with constant l2, and a "
            "gradient g leaves it at most |g| / l2 away.",
            (
                Condition("examples fitted on", float(self.examples.sum()), "above", 0.0),
                Condition(
                    "distance from the optimum, at most",
                    gradient / self.config.l2 + moved,
                    "below",
                    DISTANCE,
                ),
                Condition("centre and scale moved, of the scale", units, "below", DISTANCE),
                Condition("sum over classes, relative", float(total / each), "below", SUMMED),
            ),
            {
                "gradient norm": gradient,
                "strong convexity": self.config.l2,
                "moved since the fit": moved,
                "loss with the ridge, nats": loss,
                "Newton steps": steps,
            },
            (note,) if absent and bool(self.examples.any()) else (),
        )

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """The spectrum of each class, and its logit as a polynomial of the features."""
        features = []
        for c, form in enumerate(self.eigenfeatures()):
            rank, top, low = effective_rank(form.values), form.values.max(), form.values.min()
            for name, value, what in (
                ("effective_rank", rank, "exp of the entropy of |lambda|"),
                ("largest", float(top), "most positive eigenvalue"),
                ("smallest", float(low), "most negative eigenvalue"),
            ):
                features.append(Feature(f"class.{c}.{name}", value, what))
        formula = polynomial_formula(self.raw_matrices(), self)
        return Interpretation("", tuple(features), (formula,))

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, self.config.features, generator=generator)

    def example_batches(self) -> Sequence[tuple[Tensor, Tensor]]:
        """Points whose class is the sign of a product, and the last of three off to one side."""
        x = torch.randn(60, self.config.features, generator=torch.Generator().manual_seed(4))
        y = (x[:, 0] * x[:, 1] > 0).long()
        return ((x, torch.where(x[:, 0] > 1, self.config.outputs - 1, y)),)


def _spectrum(M: Float[Tensor, "output d d"]) -> tuple[Tensor, Tensor]:
    """Eigenvalues [output, rank], the largest in size first, and eigenvectors as columns."""
    values, vectors = torch.linalg.eigh(M)
    order = values.abs().argsort(dim=-1, descending=True, stable=True)
    return values.gather(1, order), vectors.gather(2, order[:, None].expand_as(vectors))


def _measured(
    x: Float[Tensor, "example feature"],
    still: Bool[Tensor, " feature"],
    length: float,
    dtype: torch.dtype,
) -> tuple[Float[Tensor, " feature"], Float[Tensor, ""]]:
    """Centre, the value itself where a feature never varies, and scale, 1 where none does."""
    size = x.abs().max().clamp_min(torch.finfo(x.dtype).tiny)
    centre = torch.where(still, x[0], (x / size).mean(0) * size)
    apart = torch.where(still, 0.0, x / size - centre / size)
    most = apart.abs().max()
    if not float(most) > 0:
        return centre, torch.ones_like(size)
    scale = (apart / most).square().sum(1).mean().sqrt() / length * most * size
    # The polynomial of the features as they come has 1 / scale^2 in it.
    limit = torch.finfo(dtype).tiny ** 0.5
    if not limit < float(scale) < 1 / limit:
        wanted = f"a spread from {limit:.1g} to {1 / limit:.1g}, which {dtype} can square"
        raise ValueError(f"inputs: wanted {wanted}, got {float(scale):.3g}")
    return centre, scale


def _joined(
    batches: Sequence[tuple[Tensor, Tensor]], config: QuadraticFormConfig
) -> tuple[Float[Tensor, "example feature"], Int[Tensor, " example"]]:
    """All examples and their classes, checked."""
    for x, y in batches:
        if x.dim() < 2:
            raise ValueError(f"inputs: wanted [example, feature], got shape {list(x.shape)}")
        if y.shape != x.shape[:-1]:
            wanted = f"one class an example, shape {list(x.shape[:-1])}"
            raise ValueError(f"targets: wanted {wanted}, got {list(y.shape)}")
    x = torch.cat([x.flatten(end_dim=-2) for x, _ in batches] or [torch.zeros(0, config.features)])
    y = torch.cat([y.flatten() for _, y in batches] or [torch.zeros(0, dtype=torch.long)])
    if len(x) == 0 or x.shape[1] != config.features:
        wanted = f"examples of {config.features} features"
        raise ValueError(f"inputs: wanted {wanted}, got shape {list(x.shape)}")
    if not bool(x.isfinite().all()):
        raise ValueError(f"inputs: wanted finite features, got {int((~x.isfinite()).sum())} others")
    if y.is_floating_point():
        raise ValueError(f"targets: wanted classes, whole numbers, got {y.dtype}")
    y = y.long()
    outside = y[(y < 0) | (y >= config.outputs)]
    if len(outside):
        wanted = f"classes from 0 to {config.outputs - 1}"
        raise ValueError(f"targets: wanted {wanted}, got {int(outside[0])}")
    return x if x.is_floating_point() else x.double(), y
