"""Points in a product of spaces of constant curvature: what its two models share.

    d(i, j)^2 = sum_f R_f^2 d_f(x_fi, x_fj)^2,    curvature of factor f: +-1 / R_f^2 or 0

A point is a place in each factor: on a unit sphere, in flat space, on a unit hyperboloid; R_f is
its radius. The output is the distance; its square is the sum of the factors' squared distances,
exact from the weights alone. A single factor is one part: the distance in a curved space is no sum
over coordinates.

Symmetry: the isometries of each factor, and the order of factors of one kind.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.maths.geometry.products import distances_of
from interpretable_arch.maths.geometry.scaling import Placed
from interpretable_arch.maths.geometry.signature import parse_signature
from interpretable_arch.maths.geometry.space import Space, safe_sqrt
from interpretable_arch.readings.curved_reading import read_embedding
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetries.isometries import isometries
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry


@dataclass(frozen=True)
class CurvedSpaceConfig:
    """2 points or more; `signature` names the factors: "H2", "S2 x E1" (see
    `maths.geometry.signature`)."""

    points: int
    signature: str = "H2"

    def __post_init__(self) -> None:
        at_least_one(points=self.points)
        if self.points == 1:
            raise ValueError("points: wanted 2 or more, got 1, which has no distances")
        parse_signature(self.signature)


@dataclass(frozen=True)
class SquaredDistance(Decomposition):
    """Parts that sum to the square of the output."""

    quantity: str = "squared distance"

    def in_quantity(self, forward: Float[Tensor, "*index output"]) -> Tensor:
        return forward.square()


class CurvedSpace(nn.Module):
    """Pairs of points [*batch, 2] to their distance [*batch, 1].

    Factors of one kind are stacked: `points_S2` [copy, point, width] and, but for flat ones,
    `log_radius_S2` [copy].
    """

    def __init__(self, config: CurvedSpaceConfig) -> None:
        super().__init__()
        self.config = config
        self.spaces = parse_signature(config.signature)
        self.kinds: dict[str, Space] = {str(s): s for s in self.spaces}
        for kind, space in self.kinds.items():
            copies = [str(s) for s in self.spaces].count(kind)
            start = space.retract(torch.randn(copies, config.points, space.width))
            self.register_parameter(f"points_{kind}", nn.Parameter(start))
            if space.sign:
                radius = nn.Parameter(0.3 * torch.randn(copies))
                self.register_parameter(f"log_radius_{kind}", radius)
        self.hook_squared = HookPoint()

    def stacked(self, name: str) -> Tensor:
        """The parameter of this name, or what stands in its place in a functional call."""
        return getattr(self, name)

    def _by_kind(self) -> Iterator[tuple[Space, Tensor, Tensor]]:
        """Per kind: the space, points [copy, point, width], squared radii [copy]."""
        for kind, space in self.kinds.items():
            points = self.stacked(f"points_{kind}")
            if space.sign:
                yield space, points, (2 * self.stacked(f"log_radius_{kind}")).exp()
            else:
                yield space, points, points.new_ones(len(points))

    def forward(self, pairs: Int[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 1"]:
        """Raises ValueError for a point that is none of 0 to points - 1 (not where compiled)."""
        squared = self.hook_squared(self._squared(pairs))
        return safe_sqrt(squared.sum(-1, keepdim=True))

    def _squared(self, pairs: Tensor) -> Float[Tensor, "*batch factor"]:
        first, second = (pairs[..., i].flatten() for i in (0, 1))
        parts = []
        for space, points, square in self._by_kind():
            x, y = self._taken(points, first), self._taken(points, second)
            parts.append((square[:, None] * space.squared_distance(x, y)).mT)
        return torch.cat(parts, -1).unflatten(0, pairs.shape[:-1])

    def _taken(
        self, points: Float[Tensor, "copy point width"], at: Int[Tensor, " index"]
    ) -> Float[Tensor, "copy index width"]:
        # Looked at only after the lookup fails, so that nothing here depends on the numbers.
        try:
            return points.index_select(1, at)
        except (IndexError, RuntimeError) as error:
            if "out of" not in str(error):
                raise
            wanted = f"pairs: wanted points 0 to {self.config.points - 1}"
            raise ValueError(f"{wanted}, got {at.tolist()[:8]}: {error}") from error

    def loss(
        self, pairs: Int[Tensor, "*batch 2"], targets: Float[Tensor, "*batch 1"]
    ) -> Float[Tensor, ""]:
        """Mean squared relative error ((d - D) / D)^2; targets are above 0."""
        return (self(pairs) / targets - 1).square().mean()

    def constrain(self, parameters: Parameters) -> dict[str, Tensor]:
        """Back on the spheres after a step (any leading axes)."""
        moved = dict(parameters)
        for kind, space in self.kinds.items():
            moved[f"points_{kind}"] = space.retract(moved[f"points_{kind}"])
        return moved

    def placed(self) -> tuple[Placed, ...]:
        """The factors, in float64 and without gradients, as maths.geometry has them."""
        found = []
        for space, points, square in self._by_kind():
            radii = square.detach().double().sqrt().tolist()
            places = points.detach().double()
            found += [Placed(space, r, x) for r, x in zip(radii, places, strict=True)]
        return tuple(found)

    def all_distances(self) -> Float[Tensor, "point point"]:
        """Every distance, float64."""
        return distances_of(self.placed())

    def representation(self, pairs: Int[Tensor, "input 2"]) -> Float[Tensor, "input feature"]:
        """The squared distance in each factor."""
        return self._squared(pairs)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.points, (count, 2), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"factor.{i}": Site("hook_squared", -1, i) for i in range(len(self.spaces))}

    def decompose(self, pairs: Int[Tensor, "*batch 2"]) -> Decomposition:
        """The squared distance as the sum of those in the factors, in the signature's order."""
        _, cache = record(self, pairs, ["hook_squared"])
        squared = cache["hook_squared"]
        one = torch.ones(1, 1, dtype=squared.dtype, device=squared.device)
        parts = [
            Component(f"factor.{i}", v[..., None], one) for i, v in enumerate(squared.unbind(-1))
        ]
        return SquaredDistance(tuple(parts), Exactness.unconditional())

    def symmetry(self) -> Symmetry:
        """The order of like factors, then the isometries of each."""
        factors: list[Factor] = []
        for kind, space in self.kinds.items():
            name, copies = f"points_{kind}", len(self.stacked(f"points_{kind}"))
            if copies > 1:
                stacked = [Action(name, 0)]
                stacked += [Action(f"log_radius_{kind}", 0)] if space.sign else []
                key = _key(name, f"log_radius_{kind}", space)
                factors.append(
                    Factor(f"order {kind}", Permutation(copies), tuple(stacked), key=key)
                )
            moved = Action(name, 2, copies_axis=0)
            factors.append(Factor(f"isometry {kind}", isometries(space), (moved,), copies))
        return Symmetry(tuple(factors))

    def interpretation(self) -> Interpretation:
        """The bend of each factor, and the distance as a formula."""
        return read_embedding(self.placed(), self.all_distances())


def _key(points: str, log_radius: str, space: Space) -> Callable[[Parameters], Tensor]:
    return partial(_squared_rows, points, log_radius, space)


def _squared_rows(
    points: str, log_radius: str, space: Space, parameters: Parameters
) -> Float[Tensor, "copy pair"]:
    """What tells factors of one kind apart: their squared distances."""
    square = (2 * parameters[log_radius]).exp()
    return (square[:, None, None] * space.between(parameters[points])).flatten(1)
