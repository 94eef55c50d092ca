"""What an additive model says of itself: the size of each function, and all of it as a formula.

A piecewise-linear function is v_0 + ramps(x) @ (v_{k+1} - v_k), with
ramps = ((|x - t_k| - |x - t_{k+1}|) / (t_{k+1} - t_k) + 1) / 2; a pair is the product of two such
rows of hats, spread over the cells, times the values there. Everything is exact.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.interpretation import Feature, Formula
from interpretable_arch.readings.additive_parts import AdditiveParts

POINTS = 64


def sizes(model: AdditiveParts) -> tuple[Feature, ...]:
    """The root mean square of every pure function over knots weighted as the training rows."""
    _, mains, pairs = pure_values(model)
    mass = model.mass.to(mains)
    q = model.config.pair_knots
    cells = model.marginals[:, :q].sum(1).to(mains)  # the hats of one feature sum to 1
    what = "root mean square over the training distribution, norm over outputs, in the pure form"
    one = torch.einsum("dk,dkc->d", mass, mains.square()).clamp_min(0).sqrt().tolist()
    two = torch.einsum("pa,pac->p", cells, pairs.square()).clamp_min(0).sqrt().tolist()
    found = [Feature(f"feature.{i}.size", v, what) for i, v in enumerate(one)]
    return (*found, *(Feature(f"pair.{p}.size", v, what) for p, v in enumerate(two)))


def pure_values(
    model: AdditiveParts,
) -> tuple[
    Float[Tensor, " output"],
    Float[Tensor, "feature knot output"],
    Float[Tensor, "pair cell output"],
]:
    """Intercept, functions of one feature and pairs at their knots, in the pure form."""
    c = model.config
    b, mains, pairs = model.pure().split(model.parts.rows)
    cells = c.pair_knots**2
    return b[0], mains.unflatten(0, (c.features, c.knots)), pairs.unflatten(0, (c.pairs, cells))


@torch.no_grad()
def additive_formula(model: AdditiveParts) -> Formula:
    """The outputs of rows of features x0 [.., 1], x1 [.., 1], ...: the pure form, written out."""
    b, mains, pairs = pure_values(model)
    constants: dict[str, Any] = {"b": b.double().numpy()}
    terms = ["b"]
    for i, values in enumerate(mains):
        knots = model.knots[i].double().numpy()
        v = values.double().numpy()
        found = {"l": knots[:-1], "r": knots[1:], "v": v[0], "d": v[1:] - v[:-1]}
        constants |= {f"{n}{i}": value for n, value in found.items()}
        terms.append(f"v{i} + {_ramps(i, f'l{i}', f'r{i}')} @ d{i}")
    for p, (i, j) in enumerate(model.chosen.tolist()):
        found, term = _pair(model, p, i, j)
        constants |= {**found, f"c{p}": pairs[p].double().numpy()}
        terms.append(f"{term} @ c{p}")
    inputs = tuple(f"x{i}" for i in range(len(mains)))
    exact = Formula("outputs", " + ".join(terms), inputs, constants, "logits", 0.0)
    return _with_error(exact, model)


def _ramps(i: int, left: str, right: str) -> str:
    return f"((abs(x{i} - {left}) - abs(x{i} - {right})) / ({right} - {left}) + 1) / 2"


def _pair(model: AdditiveParts, p: int, i: int, j: int) -> tuple[dict[str, Any], str]:
    """Both features' hats over all cells, first knot and steps, and their product."""
    q = model.config.pair_knots
    eye = torch.eye(q, dtype=torch.float64)
    spread = (eye.repeat_interleave(q, 1), eye.repeat(1, q))
    constants: dict[str, Any] = {}
    sides = []
    for name, feature, rows in zip("gh", (i, j), spread, strict=True):
        knots = model.knots[feature, :: model.parts.step].double()
        found = {
            f"{name}l{p}": knots[:-1],
            f"{name}r{p}": knots[1:],
            f"{name}v{p}": rows[0],
            f"{name}d{p}": rows[1:] - rows[:-1],
        }
        constants |= {n: value.numpy() for n, value in found.items()}
        inner = _ramps(feature, f"{name}l{p}", f"{name}r{p}")
        sides.append(f"({name}v{p} + {inner} @ {name}d{p})")
    return constants, f"({sides[0]} * {sides[1]})"


def _with_error(formula: Formula, model: AdditiveParts) -> Formula:
    """The formula with its largest distance from the model on points over and around the range."""
    knots = model.knots.double()
    low, high = knots[:, 0], knots[:, -1]
    shares = torch.rand(POINTS, len(knots), generator=torch.Generator().manual_seed(0)).double()
    x = low - 0.1 * (high - low) + 1.2 * shares * (high - low)
    x = x.to(model.b)
    columns = {n: x[:, i : i + 1].double().numpy() for i, n in enumerate(formula.inputs)}
    apart = torch.from_numpy(formula.evaluate(**columns)) - model(x).double()
    return Formula(
        formula.name,
        formula.expression,
        formula.inputs,
        formula.constants,
        formula.quantity,
        float(apart.abs().max()),
    )
