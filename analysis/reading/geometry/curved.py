"""Points in curved spaces read: the geometry of the distances, and how much of them survives.

The geometry is named from the distances alone, before any model (`maths.geometry.naming`); beside
it stand the distortion in every product of the model's dimension, the curvature that each criterion
finds, what breaks the triangle inequality, and the points themselves.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from analysis.exhibits import Exhibit, Lines, Table
from analysis.reading.finding import Finding
from analysis.reading.geometry.pictures import picture
from interpretable_arch.maths.geometry.curvature_search import curvature_search
from interpretable_arch.maths.geometry.distortion import distortion, relative_square, stress
from interpretable_arch.maths.geometry.naming import (
    FLAT_BELOW,
    HELD,
    MARGIN,
    Named,
    Tried,
    name_geometry,
    tried,
)
from interpretable_arch.maths.geometry.products import distances_of
from interpretable_arch.maths.geometry.scaling import Placed, scaled
from interpretable_arch.maths.geometry.signature import signatures
from interpretable_arch.maths.geometry.space import Space
from interpretable_arch.models.curved_space import CurvedSpace
from interpretable_arch.symmetry import weights
from training.data.distances import DistanceTask
from training.data.task import Task

SEARCHED = (2, 40)  # the dimension and the most points for which every signature is tried
SHOWN = 12
SIGNS = {"hyperbolic": -1, "flat": 0, "spherical": 1}
CRITERIA: dict[str, Callable[[Tensor, Tensor], float]] = {
    "mean distortion": distortion,
    "mean squared relative error": relative_square,
    "stress": stress,
}


@torch.no_grad()
def read_curved(model: nn.Module, task: Task) -> Finding | None:
    """None for other models and for tasks that are no distances."""
    if not isinstance(model, CurvedSpace) or not isinstance(task, DistanceTask):
        return None
    given = task.distances.cpu()
    factors = _canonical(model)
    found = distances_of(factors)
    named = _named(_frozen(given))
    exhibits: list[Exhibit] = [
        picture(f, task.edges, task.names, f"{f.space} ({n})") for n, f in enumerate(factors)
    ]
    exhibits += [
        _side_by_side(given, sum(s.dimension for s in model.spaces)),
        _worst(given, found, task),
    ]
    if len(factors) == 1:
        exhibits += [_spectrum(given, factors[0])]
        exhibits += [_criteria(_frozen(given), model.spaces[0])] if model.spaces[0].sign else []
    bent = ", ".join(f"{t.name} {t.bend[0]:.3g}" for t in named.tried if t.bend[0])
    only = "" if named.held else f", only the nearest: error {named.rms:.2g}, over {HELD:g}"
    only += "" if named.told else ", but not told apart: all three geometries hold them"
    notes = (
        f"the distances are named {named.geometry}{only}; |kappa| diameter^2 below {FLAT_BELOW:g}, "
        f"or less than {MARGIN:.0%} off the flat error, counts as flat; kappa diameter^2: {bent}",
    )
    figures = _figures(given, found, factors, task)
    figures["error in the geometry named"] = named.rms
    figures["geometry named (-1 hyperbolic, 0 flat, 1 spherical)"] = SIGNS[named.geometry]
    return Finding("Curved space", figures, tuple(exhibits), (*notes, *_broken(task)))


def _canonical(model: CurvedSpace) -> tuple[Placed, ...]:
    """The factors, moved to canonical form."""
    values = model.symmetry().canonical({k: v.double() for k, v in weights(model).items()})
    found = []
    for kind, space in model.kinds.items():
        places = values[f"points_{kind}"]
        radii = values[f"log_radius_{kind}"].exp() if space.sign else torch.ones(len(places))
        found += [Placed(space, float(r), x) for r, x in zip(radii, places, strict=True)]
    return tuple(found)


def _figures(
    given: Tensor, found: Tensor, factors: tuple[Placed, ...], task: DistanceTask
) -> dict[str, float]:
    figures = {name: measure(found, given) for name, measure in CRITERIA.items()}
    figures["largest error"] = float((found - given).abs().max())
    shown = {tuple(p) for p in task.train.inputs.tolist()}
    hidden = [p for p in task.held_out.inputs.tolist() if tuple(p) not in shown]
    if hidden:
        i, j = torch.tensor(hidden).T
        figures["mean distortion, pairs not shown"] = float((found / given - 1)[i, j].abs().mean())
    diameter, whole = float(given.max()), float(found.square().sum())
    for n, f in enumerate(factors):
        figures[f"{f.space} ({n}): kappa"] = f.kappa
        figures[f"{f.space} ({n}): kappa diameter^2"] = f.kappa * diameter**2
        figures[f"{f.space} ({n}): share of squared distance"] = float(f.squared.sum()) / whole
    figures["triples that break the triangle inequality"] = task.triangles.count
    figures["worst of them, over the way round"] = task.triangles.excess
    return figures


def _side_by_side(given: Tensor, dimension: int) -> Table:
    """Distortion in the three geometries, and in every product of this dimension where few."""
    few = dimension <= SEARCHED[0] and len(given) <= SEARCHED[1]
    every = signatures(dimension) if few else ()
    own: list[Tried] = [_tried(_frozen(given), s) for s in every] or [*_named(_frozen(given)).tried]
    rows = [
        (t.name, t.closed, t.refined, t.rms, ", ".join(f"{b:.3g}" for b in t.bend))
        for t in sorted(own, key=lambda t: t.rms)
    ]
    heads = ("space", "mean distortion", "refined", "root mean square", "kappa diameter^2, refined")
    return Table("Signatures, best first", heads, tuple(rows))


def _worst(given: Tensor, found: Tensor, task: DistanceTask) -> Table:
    i, j = torch.triu_indices(len(given), len(given), 1)
    errors = (found[i, j] / given[i, j] - 1).abs()
    rows = []
    for at in errors.argsort(descending=True, stable=True)[:SHOWN].tolist():
        a, b = int(i[at]), int(j[at])
        rows.append((task.names[a], task.names[b], float(given[a, b]), float(found[a, b])))
    return Table("Worst pairs", ("one", "other", "given", "found"), tuple(rows))


def _spectrum(given: Tensor, factor: Placed) -> Lines:
    """The eigenvalues at the model's own curvature; hyperbolic space has one below 0 by right."""
    values = scaled(given, factor.space, factor.radius).spectrum
    kept = values[:-1] if factor.space.sign < 0 else values
    size = float(kept.abs().max())
    return Lines(
        "Eigenvalues over the largest",
        tuple(float(n + 1) for n in range(len(kept))),
        {"given distances": tuple((kept / size).tolist())},
        "eigenvalue",
        "share of the largest",
    )


def _criteria(given: tuple[bytes, int], space: Space) -> Table:
    rows = []
    table, places = _thawed(given), _search(given, space)
    diameter = float(table.max())
    tries = [scaled(table, space, diameter / s).placed for s in places]
    for name, measure in CRITERIA.items():
        errors = [measure(p.squared.sqrt(), table) for p in tries]
        best = int(np.argmin(errors))
        rows.append((name, tries[best].kappa, tries[best].kappa * diameter**2, errors[best]))
    heads = ("criterion", "kappa", "kappa diameter^2", "least")
    return Table(f"The curvature that each criterion finds, {space}", heads, tuple(rows))


def _broken(task: DistanceTask) -> tuple[str, ...]:
    worst = task.triangles.worst
    if worst is None:
        return ()
    i, k, j = (task.names[p] for p in worst)
    factor = 1 + task.triangles.excess
    return (
        f"{task.triangles.count} triples break the triangle inequality; the worst: {i} to {j} is "
        f"{factor:.4g} times the way over {k}",
    )


def _frozen(table: Float[Tensor, "n n"]) -> tuple[bytes, int]:
    """A key that the seeds of a study share: what is read of distances alone is read once."""
    return table.contiguous().numpy().tobytes(), len(table)


def _thawed(key: tuple[bytes, int]) -> Float[Tensor, "n n"]:
    return torch.from_numpy(np.frombuffer(key[0]).reshape(key[1], key[1]).copy())


@cache
def _named(key: tuple[bytes, int]) -> Named:
    return name_geometry(_thawed(key))


@cache
def _tried(key: tuple[bytes, int], spaces: tuple[Space, ...]) -> Tried:
    return tried(_thawed(key), spaces)


@cache
def _search(key: tuple[bytes, int], space: Space) -> tuple[float, ...]:
    return curvature_search(_thawed(key), space).spread
