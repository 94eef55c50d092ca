"""Curved embedding: points in spaces of constant curvature, from distances by one eigenproblem.

For one factor, the eigenvectors of cos(sqrt(kappa) D), of -J D^2 J / 2 or of -cosh(sqrt(|kappa|) D)
are coordinates and kappa is found by a search in one number (`maths.geometry.scaling`,
`curvature_search`): exact on exact spaces, nothing drawn at random, one answer for one table of
distances (Torgerson 1952; Wilson et al. 2014; Keller-Ressel and Nargang 2020, arXiv 1903.08977).
For a product the factors are scaled in turn, without a proof. Steps of training after that refine
either by descent; the certificate then says that the points have moved.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.maths.geometry.completion import completed
from interpretable_arch.maths.geometry.curvature_search import CRITERION, LEAST, Search
from interpretable_arch.maths.geometry.products import Fitted, fitted
from interpretable_arch.models.curved_space import CurvedSpace, CurvedSpaceConfig
from interpretable_arch.symmetry import weights


@dataclass(frozen=True)
class CurvedEmbeddingConfig(CurvedSpaceConfig):
    """`jitter` moves points after the closed form by normal draws of this size, in units of each
    radius: descent can't part points that the closed form puts on one place. `widest` is the most
    that sqrt(|kappa|) times the diameter may be: descent from there wants about 10 in hyperbolic
    space, as points farther out hardly move."""

    jitter: float = 0.0
    widest: float = 30.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.widest > LEAST:
            raise ValueError(f"widest: wanted more than {LEAST}, got {self.widest}")
        if not 0 <= self.jitter < math.inf:
            raise ValueError(f"jitter: wanted 0 or more, got {self.jitter}")


EXAMPLES = {
    "disc": CurvedEmbeddingConfig(points=7, signature="H2"),
    "sphere": CurvedEmbeddingConfig(points=7, signature="S2"),
    "plane": CurvedEmbeddingConfig(points=7, signature="E2"),
    "product": CurvedEmbeddingConfig(points=12, signature="H2 x S1 x E1"),
    "torus": CurvedEmbeddingConfig(points=12, signature="S1 x S1"),
}

GAP, MOVED, SETTLED = 1e-6, 1e-6, 1e-6
# Of the mean distortion: rounding moves it by up to about 4e-9 where points fit, and the least rise
# of a kappa that is determined, at the start of the search's range, is 8e-7.
TOLD = 1e-8
EDGE = 0.999  # of the range of sqrt(|kappa|) diameter: beyond, its end was found and no minimum
PER_FACTOR = (
    "eigenvalue gap",
    "first of the cut block",
    "last of the cut block",
    "worst turn",
    "negative share",
    "rise",
    "curvature",
    "lead",
    "bend",
    "spread",
)
OVERALL = ("mean distortion", "pairs filled in", "last sweep")


class CurvedEmbedding(CurvedSpace):
    """`found` keeps what the fit found per factor, `overall` of the whole, and
    `fitted_distances` where it put the points; zero before."""

    found: Float[Tensor, "factor number"]
    overall: Float[Tensor, " number"]
    fitted_distances: Float[Tensor, "point point"]

    def __init__(self, config: CurvedEmbeddingConfig) -> None:
        super().__init__(config)
        self.jitter, self.widest = config.jitter, config.widest
        self.register_buffer("found", torch.zeros(len(self.spaces), len(PER_FACTOR)))
        self.register_buffer("overall", torch.zeros(len(OVERALL)))
        self.register_buffer("fitted_distances", torch.zeros(config.points, config.points))

    @torch.no_grad()
    def fit_data(
        self, batches: Sequence[tuple[Int[Tensor, "pair 2"], Float[Tensor, "pair 1"]]]
    ) -> None:
        """Embed the distances, in canonical form; the same distances give the same points.

        Pairs that are not shown are filled in by shortest ways over those that are. Raises
        ValueError for distances that are none (see `completion`).
        """
        pairs = torch.cat([inputs for inputs, _ in batches])
        values = torch.cat([targets for _, targets in batches]).flatten()
        table, filled = completed(pairs, values, self.config.points)
        answer = fitted(table, self.spaces, self.widest)
        self._place(answer)
        self.found.copy_(torch.tensor([_numbers(s, table) for s in answer.searches]))
        self.overall.copy_(torch.tensor([answer.error, filled, answer.change]))
        self.fitted_distances.copy_(self.all_distances())
        if self.jitter:
            for kind in self.kinds:
                points = self.stacked(f"points_{kind}")
                points.add_(self.jitter * torch.randn_like(points))
            self.load_state_dict(
                {**self.state_dict(), **self.constrain(dict(self.named_parameters()))}
            )

    def _place(self, answer: Fitted) -> None:
        for kind, space in self.kinds.items():
            members = [f for f in answer.factors if str(f.space) == kind]
            points = torch.stack([f.points for f in members])
            self.stacked(f"points_{kind}").copy_(points)
            if space.sign:
                radii = torch.tensor([f.radius for f in members], dtype=torch.float64)
                self.stacked(f"log_radius_{kind}").copy_(radii.log())
        canonical = self.symmetry().canonical(weights(self))
        self.load_state_dict(canonical)

    @torch.no_grad()
    def certificate(self) -> Certificate:
        """What the fit found, and that the distances are still those."""
        conditions = [c for i in range(len(self.spaces)) for c in self._of_factor(i)]
        overall = dict(zip(OVERALL, self.overall.double().tolist(), strict=True))
        conditions += [
            Condition(
                "share of pairs filled in by shortest ways",
                overall["pairs filled in"],
                "below",
                0.0,
            ),
            Condition("distances moved since the fit / diameter", self._moved(), "below", MOVED),
        ]
        figures = {"mean distortion of the fit": overall["mean distortion"]}
        for i, space in enumerate(self.spaces):
            numbers = self._numbers(i)
            for name in ("bend", "curvature", "negative share", "worst turn"):
                figures[f"{space} ({i}): {name}"] = numbers[name]
        if len(self.spaces) > 1:
            change = overall["last sweep"]
            conditions.append(Condition("last sweep / diameter", change, "below", SETTLED))
        return Certificate(
            PRODUCT if len(self.spaces) > 1 else SINGLE,
            tuple(conditions),
            figures,
            tuple(self._notes()),
            "form" if len(self.spaces) > 1 else "optimum",
        )

    def _numbers(self, i: int) -> dict[str, float]:
        return dict(zip(PER_FACTOR, self.found[i].double().tolist(), strict=True))

    def _of_factor(self, i: int) -> list[Condition]:
        space, n = self.spaces[i], self._numbers(i)
        which = f"{space} ({i}): "
        found = [Condition(f"{which}eigenvalue gap at the cut", n["eigenvalue gap"], "above", GAP)]
        if space.sign:
            found += [
                Condition(
                    f"{which}least rise of the {CRITERION} about kappa", n["rise"], "above", TOLD
                ),
                Condition(f"{which}lead over the next local minimum", n["lead"], "above", TOLD),
            ]
        if space.sign < 0:
            most = EDGE * min(self.widest, space.widest)
            found.append(Condition(f"{which}sqrt(|kappa|) diameter", n["spread"], "below", most))
        return found

    def _notes(self) -> list[str]:
        notes = []
        for i, space in enumerate(self.spaces):
            n = self._numbers(i)
            if not n["eigenvalue gap"] > GAP:
                first, last = int(n["first of the cut block"]) + 1, int(n["last of the cut block"])
                notes.append(
                    f"not unique: {space} ({i}) cuts through eigenvalues {first} to {last}, which "
                    "are equal: of the declared rotations of their vectors the best was taken"
                )
            if space.sign and not n["rise"] > TOLD:
                notes.append(
                    f"kappa of {space} ({i}) is not determined: a neighbouring kappa fits no worse"
                )
        return notes

    def _moved(self) -> float:
        """The largest change of a distance since the fit, over the largest distance then."""
        then = self.fitted_distances.double()
        size = float(then.abs().max())
        return float((self.all_distances() - then).abs().max()) / size if size else float("inf")


SINGLE = (
    "For one kappa the points of least squared error in the matrix of cosines (of squares, of "
    "hyperbolic cosines) are unique up to an isometry where the eigenvalues at the cut differ "
    f"(Eckart and Young 1936); kappa is the least {CRITERION} on the declared range."
)
PRODUCT = (
    "In a product the form of each factor is unique up to an isometry, given what the others "
    "leave, where the eigenvalues at its cut differ (Eckart and Young 1936); that no other sharing "
    "out of the distances does better is not proved."
)


def _numbers(search: Search, distances: Float[Tensor, "n n"]) -> list[float]:
    """PER_FACTOR of one search."""
    best = search.best
    values, width = best.spectrum, best.placed.space.width
    size = float(values.abs().max())
    first, last = best.cut or (0, 0)
    # In hyperbolic space one eigenvalue is below 0 by right.
    others = values[:-1] if best.placed.space.sign < 0 else values
    negative = float(others.clamp_max(0).abs().sum() / others.abs().sum())
    gap = 1.0
    if width < len(values) and float(values[width - 1]) > 1e-9 * size:
        after = float(values[width].clamp_min(0))
        gap = 0.0 if best.cut else 1 - after / float(values[width - 1])
    spread = search.spread[-1] and float(distances.max()) / best.placed.radius
    return [
        gap,
        float(first),
        float(last),
        best.worst_turn,
        negative,
        search.rise,
        search.curvature,
        min(1.0, search.second - best.error),
        best.placed.space.sign * spread**2,
        spread,
    ]
