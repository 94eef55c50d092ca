"""What a curved embedding says of itself: curvatures, and the distance as a formula.

    sphere      2 R asin sqrt(q / (q + p)),  q = |x_i - x_j|^2,  p = |x_i + x_j|^2
    flat        sqrt(q)
    hyperbolic  2 R asinh(sqrt(q - (sum_k (x_ik - x_jk)(x_ik + x_jk) / (t_i + t_j))^2) / 2)

The last root is of |.|, as rounding may leave a point at less than 0 from itself.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.interpretation import Feature, Formula, Interpretation, ranked
from interpretable_arch.maths.geometry.hyperboloid import height
from interpretable_arch.maths.geometry.scaling import Placed


def read_embedding(
    factors: Sequence[Placed], distances: Float[Tensor, "point point"]
) -> Interpretation:
    """Features and the formula of a product; `distances` are the model's own, all of them."""
    return Interpretation(
        label="",
        features=tuple(_features(factors, distances)),
        formulas=(distance_formula(factors, distances),),
        notes=("points are placed up to isometries of each factor",),
    )


def distance_formula(factors: Sequence[Placed], distances: Float[Tensor, "point point"]) -> Formula:
    """The distance of points i and j; its error is the largest over all pairs."""
    constants: dict[str, object] = {}
    terms = [_term(f, f"f{n}", constants) for n, f in enumerate(factors)]
    whole = terms[0] if len(terms) == 1 else f"sqrt({' + '.join(f'({t})**2' for t in terms)})"
    formula = Formula("distance", whole, ("i", "j"), constants, "distance", 0.0)
    i, j = np.indices(distances.shape)
    error = float(np.abs(formula.evaluate(i=i, j=j) - distances.cpu().numpy()).max())
    return Formula("distance", whole, ("i", "j"), constants, "distance", error)


def _features(factors: Sequence[Placed], distances: Tensor) -> list[Feature]:
    """Per kind of factor, by rank of curvature: kappa diameter^2 and the share of squared
    distance."""
    kinds: Mapping[str, list[Placed]] = {str(f.space): [] for f in factors}
    for f in sorted(factors, key=lambda f: -abs(f.kappa)):
        kinds[str(f.space)].append(f)
    diameter, total = float(distances.max()), float(distances.square().sum())
    found = []
    for kind, members in kinds.items():
        for rank, f in enumerate(members):
            share = float(f.squared.sum()) / total
            bend = f.kappa * diameter**2
            found.append(ranked(kind, rank, "bend", bend, "curvature times the diameter squared"))
            found.append(ranked(kind, rank, "share", share, "share of all squared distances"))
    return found


def _term(factor: Placed, name: str, constants: dict[str, object]) -> str:
    """The distance in one factor as text; its coordinates are put among the constants."""
    points = factor.points.detach().cpu()
    axes = [f"{name}_x{k}" for k in range(points.shape[1])]
    constants |= {a: points[:, k].tolist() for k, a in enumerate(axes)}
    near = " + ".join(f"({a}[i] - {a}[j])**2" for a in axes)
    if factor.space.sign == 0:
        return f"sqrt({near})"
    constants[f"{name}_R"] = factor.radius
    if factor.space.sign > 0:
        far = " + ".join(f"({a}[i] + {a}[j])**2" for a in axes)
        return f"2 * {name}_R * asin(sqrt(({near}) / ({near} + {far})))"
    constants[f"{name}_t"] = height(points.to(torch.float64)).tolist()
    along = " + ".join(f"({a}[i] - {a}[j]) * ({a}[i] + {a}[j])" for a in axes)
    time = f"({name}_t[i] + {name}_t[j])"
    return f"2 * {name}_R * asinh(sqrt(abs({near} - (({along}) / {time})**2)) / 2)"
