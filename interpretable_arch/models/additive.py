"""Additive model: a sum of functions of one feature, and of chosen pairs; one optimum.

    output_c(x) = b_c + sum_i f_ic(x_i) + sum_(i,j) F_ijc(x_i, x_j)

A generalised additive model with pairs (Lou, Caruana, Gehrke, Hooker 2013). f_i is piecewise linear
on the feature's own quantiles (`maths.additive.hats`), F_ij piecewise bilinear on every few of
them; beyond the training range all keep their border values. With a penalty on roughness and size
the loss is strictly convex, and `fit_data` goes to its one optimum. Penalty and pairs come from
the training rows alone (`maths.additive.additive_fit`).

Terms of the sum can trade mass. The canonical form is the pure one (Lengerich et al. 2020, arXiv
1911.04974): every f_i has mean zero over the training rows, and what a pair says of one feature
alone stands in that feature's function.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.maths.additive.additive_fit import AdditiveFit, Settings, fit_additive
from interpretable_arch.maths.additive.hats import hats
from interpretable_arch.maths.additive.purification import Parts
from interpretable_arch.maths.additive.training_rows import check_values, joined, wanted_outputs
from interpretable_arch.maths.constant_columns import constant
from interpretable_arch.readings.additive_certificate import additive_certificate
from interpretable_arch.readings.additive_reading import additive_formula, sizes
from interpretable_arch.symmetries.mass import MassTransfer, mass_transfer
from interpretable_arch.symmetry import Symmetry, weights

IGNORED = -100


@dataclass(frozen=True)
class AdditiveConfig:
    """`knots` of each feature; `pairs` interactions on every (knots - 1) / (pair_knots - 1)-th of
    them; the penalties to choose from, by `folds` parts of the training rows, where there are
    several; `std` is that of the random start."""

    features: int
    outputs: int
    pairs: int = 0
    knots: int = 17
    pair_knots: int = 5
    smooth: tuple[float, ...] = (1e-4, 1e-3, 1e-2)
    ridge: tuple[float, ...] = (1e-3, 1e-2, 1e-1)
    folds: int = 5
    steps: int = 100
    std: float = 0.1

    def __post_init__(self) -> None:
        at_least_one(features=self.features, outputs=self.outputs, steps=self.steps)
        most = self.features * (self.features - 1) // 2
        if not 0 <= self.pairs <= most:
            wanted = f"0 to {most}, as there are {self.features} features"
            raise ValueError(f"pairs: wanted {wanted}, got {self.pairs}")
        if self.pair_knots < 2:
            raise ValueError(f"pair_knots: wanted at least 2, got {self.pair_knots}")
        if self.knots < 2 or (self.knots - 1) % (self.pair_knots - 1):
            wanted = f"one more than a multiple of pair_knots - 1 = {self.pair_knots - 1}"
            raise ValueError(f"knots: wanted {wanted}, got {self.knots}")
        if self.folds < 2:
            raise ValueError(f"folds: wanted at least 2, got {self.folds}")
        self._check_strengths()

    def _check_strengths(self) -> None:
        if not self.smooth or not all(s >= 0 for s in self.smooth):
            raise ValueError(f"smooth: wanted numbers of at least 0, got {self.smooth}")
        if not self.ridge or not all(r > 0 for r in self.ridge):
            wanted = "numbers above 0, for there to be one optimum"
            raise ValueError(f"ridge: wanted {wanted}, got {self.ridge}")

    @property
    def settings(self) -> Settings:
        strengths = (tuple(self.smooth), tuple(self.ridge))
        return Settings(self.knots, self.pair_knots, self.pairs, *strengths, self.folds, self.steps)


EXAMPLES = {
    "mains": AdditiveConfig(features=3, outputs=3, knots=4, pair_knots=2, std=0.7),
    "pairs": AdditiveConfig(
        features=3,
        outputs=2,
        pairs=2,
        knots=5,
        pair_knots=3,
        smooth=(1e-3,),
        ridge=(1e-2,),
        std=0.7,
    ),
    "value": AdditiveConfig(
        features=2,
        outputs=1,
        pairs=1,
        knots=3,
        pair_knots=2,
        smooth=(1e-3,),
        ridge=(1e-2,),
        std=0.7,
    ),
}


class Additive(nn.Module):
    """Features [.., feature] to logits or values [.., output].

    b [output], mains [feature, knot, output] and pairs [pair, knot, knot, output] are the values at
    the knots. Knots, their distribution and the chosen pairs are saved buffers; before `fit_data`
    they are even, and the pairs the first ones.
    """

    knots: Float[Tensor, "feature knot"]
    mass: Float[Tensor, "feature knot"]
    chosen: Int[Tensor, "pair 2"]
    marginals: Float[Tensor, "pair both cell"]
    fitted: Float[Tensor, "parameter output"]
    fitted_knots: Float[Tensor, "feature knot"]
    fitted_chosen: Int[Tensor, "pair 2"]
    optimum: Float[Tensor, "10"]
    counts: Int[Tensor, " output"]
    still: Int[Tensor, " feature"]

    def __init__(self, config: AdditiveConfig) -> None:
        super().__init__()
        self.config = c = config
        d, k, q = c.features, c.knots, c.pair_knots
        self.b = nn.Parameter(c.std * torch.randn(c.outputs))
        self.mains = nn.Parameter(c.std * torch.randn(d, k, c.outputs))
        cells = c.std * torch.randn(c.pairs, q, q, c.outputs)
        self.pairs = nn.Parameter(cells) if c.pairs else None
        even = torch.linspace(-1, 1, k).repeat(d, 1)
        first = torch.combinations(torch.arange(d))[: c.pairs]
        # As if one row lay at every cell of the grid: features are independent and even.
        grid = torch.cat([torch.eye(q).repeat_interleave(q, 0), torch.eye(q).repeat(q, 1)], 1)
        self.register_buffer("knots", even)
        self.register_buffer("mass", torch.full((d, k), 1 / k))
        self.register_buffer("chosen", first)
        self.register_buffer("marginals", (grid.T / q**2).repeat(c.pairs, 1, 1))
        self.register_buffer("fitted", torch.zeros(1 + d * k + c.pairs * q * q, c.outputs))
        self.register_buffer("fitted_knots", even.clone())
        self.register_buffer("fitted_chosen", first.clone())
        self.register_buffer("optimum", torch.full((10,), torch.nan))
        self.register_buffer("counts", torch.zeros(c.outputs, dtype=torch.long))
        self.register_buffer("still", torch.zeros(d, dtype=torch.long))
        self.hook_mains, self.hook_pairs = HookPoint(), HookPoint()

    def forward(self, x: Shaped[Tensor, "*index feature"]) -> Float[Tensor, "*index output"]:
        one, two = self._hats(x)
        out = self.b + torch.einsum("...dk,dkc->...c", one, self.mains)
        if self.pairs is None:
            return out
        return out + torch.einsum("...pa,pac->...c", two, self.pairs.flatten(1, 2))

    def _hats(self, x: Shaped[Tensor, "*index feature"]) -> tuple[Tensor, Tensor]:
        """What the functions of one feature and those of two are linear in."""
        x = x.to(self.b)  # data may be more precise than the model
        coarse = hats(x, self.knots[:, :: self.parts.step])
        left, right = coarse[..., self.chosen[:, 0], :], coarse[..., self.chosen[:, 1], :]
        cells = (left[..., :, None] * right[..., None, :]).flatten(-2)
        return self.hook_mains(hats(x, self.knots)), self.hook_pairs(cells)

    @property
    def parts(self) -> Parts:
        return Parts(self.knots, self.mass, self.chosen, self.marginals)

    def loss(
        self, inputs: Shaped[Tensor, "batch feature"], targets: Shaped[Tensor, "*target"]
    ) -> Float[Tensor, ""]:
        """Mean squared error of values [batch, output]; cross-entropy, in nats, of classes."""
        outputs = self(inputs)
        if targets.is_floating_point():
            check_values(targets, self.config.outputs)
            return F.mse_loss(outputs, targets.to(outputs))
        return F.cross_entropy(outputs, targets)

    @torch.no_grad()
    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Choose penalty and pairs on the rows, then find the optimum.

        `batches` are rows [row, feature] and classes [row], of which -100 does not count, or values
        [row, output]. Raises ValueError for rows that are not finite, naming the first, fewer than
        `folds` of them, other shapes of targets, and classes outside the outputs.
        """
        x, targets = joined(batches)
        x, targets = x.to(self.b), targets.to(self.b.device)
        if not targets.is_floating_point():
            x, targets = x[targets != IGNORED], targets[targets != IGNORED]
        c = self.config
        wanted = wanted_outputs(x, targets, c.features, c.outputs, c.folds)
        kind = "values" if targets.is_floating_point() else "classes"
        start = self._mass.stacked(weights(self)).double()
        found = fit_additive(x.double(), wanted, kind, self.config.settings, lambda _: start)
        self._keep(found, x)
        if kind == "classes":
            self.counts.copy_(torch.bincount(targets, minlength=self.config.outputs))

    def _keep(self, found: AdditiveFit, x: Tensor) -> None:
        parts, best, penalty = found.parts, found.optimum, found.penalty
        values = found.values.to(self.b)
        for name, rows in zip(self._names, values.split(parts.rows), strict=False):
            value = self.get_parameter(name)
            value.copy_(rows.reshape(value.shape))
        self.fitted.copy_(values)
        for name in ("knots", "fitted_knots"):
            getattr(self, name).copy_(parts.knots)
        for name in ("chosen", "fitted_chosen"):
            getattr(self, name).copy_(parts.pairs)
        self.mass.copy_(parts.mass)
        self.marginals.copy_(parts.marginals)
        self.still.copy_(constant(x))
        numbers = (best.gradient_norm, best.loss, best.steps, found.least_curvature, len(x))
        chosen = (penalty.smooth, penalty.ridge, found.unseen, found.concurvity, found.clearance)
        self.optimum.copy_(torch.tensor([*numbers, *chosen], dtype=torch.float64))

    def decompose(self, x: Shaped[Tensor, "*index feature"]) -> Decomposition:
        """The intercept, one part a feature and one a pair, exact from the weights alone."""
        _, found = record(self, x, ("hook_mains", "hook_pairs"))
        one, two = found["hook_mains"], found["hook_pairs"]
        parts = [Component("intercept", torch.ones_like(one[..., 0, :1]), self.b[None])]
        parts += [Component(n, one[..., i, :], self.mains[i]) for i, n in enumerate(self._mains)]
        if self.pairs is not None:
            cells = self.pairs.flatten(1, 2)
            parts += [Component(n, two[..., i, :], cells[i]) for i, n in enumerate(self._pairs)]
        return Decomposition(tuple(parts), Exactness.unconditional())

    @property
    def _mains(self) -> list[str]:
        return [f"feature.{i}" for i in range(self.config.features)]

    @property
    def _pairs(self) -> list[str]:
        return [f"pair.{p}" for p in range(self.config.pairs)]

    def sites(self) -> Mapping[str, Site]:
        mains = {n: Site("hook_mains", -2, i) for i, n in enumerate(self._mains)}
        return mains | {n: Site("hook_pairs", -2, i) for i, n in enumerate(self._pairs)}

    @property
    def _names(self) -> tuple[str, ...]:
        """What is stacked, in the order of `parts`."""
        return ("b", "mains") if self.pairs is None else ("b", "mains", "pairs")

    @property
    def _mass(self) -> MassTransfer:
        return mass_transfer(self.parts, self.config.outputs, self._names)

    def symmetry(self) -> Symmetry:
        """Constants trade between all terms, functions of one feature between it and its pairs."""
        return Symmetry((self._mass,))

    def pure(self) -> Float[Tensor, "parameter output"]:
        """The canonical parameters, stacked: intercept, functions of one feature, pairs."""
        return self._mass.stacked(self.symmetry().canonical(weights(self)))

    def certificate(self) -> Certificate:
        """That the one optimum was reached, and the model is there yet."""
        return additive_certificate(self)

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """The size of every function in the pure form, and the whole model as a formula."""
        return Interpretation("", sizes(self), (additive_formula(self),))

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return 2.4 * torch.rand(count, self.config.features, generator=generator) - 1.2

    def example_batches(self) -> Sequence[tuple[Tensor, Tensor]]:
        """Rows in which features matter together; values where there is one output."""
        generator = torch.Generator().manual_seed(3)
        x = self.example_inputs(60, generator)
        score = x[:, 0] * x[:, 1] + x[:, 0]
        if self.config.outputs == 1:
            return [(x, score[:, None])]
        return [(x, (score > 0).long() + (score > 0.5).long() * (self.config.outputs > 2))]
