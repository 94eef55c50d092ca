"""What an additive model says of each feature and pair: importance, curves, maps.

All in the pure form. For two classes a function is shown as what it adds to the log odds of the
second; for more, as what it adds to each logit. Importance is the mean size of that over the
training rows (for more classes, over the classes too). A group of functions explains the share
Cov(group, whole) / Var(whole) of the outputs' variance over the training rows: shares sum to 1 and
may be negative, since features go together.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from analysis.exhibits import Exhibit, Heatmap, Lines, Table
from analysis.reading.finding import Finding
from interpretable_arch.maths.additive.hats import hats
from interpretable_arch.models.additive import Additive
from interpretable_arch.readings.additive_reading import pure_values
from training.data.task import Split, Task

CURVES, MAPS, POINTS, BARS = 6, 4, 64, 24


@dataclass(frozen=True, eq=False)
class Terms:
    """Every pure function at the training rows, in the scores that are shown."""

    names: tuple[str, ...]
    scores: tuple[str, ...]
    mains: Float[Tensor, "row feature score"]
    pairs: Float[Tensor, "row pair score"]


def read_additive_terms(model: nn.Module, task: Task) -> Finding | None:
    """None for other models, and for streams of tokens."""
    if not isinstance(model, Additive) or not isinstance(task.train, Split):
        return None
    x = task.train.inputs.to(model.b)
    terms = terms_of(model, task, x)
    whole = terms.mains.sum(1) + terms.pairs.sum(1)
    figures = {
        "share of variance in functions of one feature": _share(terms.mains.sum(1), whole),
        "share of variance in pairs": _share(terms.pairs.sum(1), whole),
        "largest mean left in a pair over training rows": left_over(model, x),
        "intercept, its norm": _middle(model, task),
    }
    weights = terms.mains.abs().mean((0, 2)), terms.pairs.abs().mean((0, 2))
    return Finding(
        "Additive terms",
        figures,
        (
            _importance(terms, *weights),
            *_curves(model, task, x, weights[0]),
            *_maps(model, task, weights[1]),
        ),
        (
            "Beyond the training rows every function keeps its border value.",
            "Functions of features that go together share one effect: see the largest concurvity.",
        ),
    )


def terms_of(model: Additive, task: Task, x: Float[Tensor, "row feature"]) -> Terms:
    """The pure functions of these rows, by name."""
    _, mains, cells = pure_values(model)
    scores, to_scores = _scores(task)
    named = feature_names(task, model.config.features)
    one = torch.einsum("ndk,dkc->ndc", hats(x, model.knots), mains)
    coarse = hats(x, model.knots[:, :: model.parts.step])
    left, right = coarse[:, model.chosen[:, 0]], coarse[:, model.chosen[:, 1]]
    both = (left[..., :, None] * right[..., None, :]).flatten(-2)
    two = torch.einsum("npa,pac->npc", both, cells)
    pairs = tuple(f"{named[i]} x {named[j]}" for i, j in model.chosen.tolist())
    return Terms((*named, *pairs), scores, one @ to_scores.to(one), two @ to_scores.to(two))


def feature_names(task: Task, count: int) -> tuple[str, ...]:
    """The columns of the table, or the features' numbers."""
    return task.features or tuple(f"feature {i}" for i in range(count))


def left_over(model: Additive, x: Float[Tensor, "row feature"]) -> float:
    """The largest |E F(x_i, x_j) h(x_i)| / E h(x_i) over pairs and hats, without the prior's row.

    It is of the size of a pair's values over the number of rows; 0 without pairs.
    """
    _, _, cells = pure_values(model)
    coarse = hats(x, model.knots[:, :: model.parts.step])
    worst = 0.0
    for p, (i, j) in enumerate(model.chosen.tolist()):
        both = (coarse[:, i, :, None] * coarse[:, j, None]).flatten(1) @ cells[p]
        for side in (coarse[:, i], coarse[:, j]):
            mean = side.T @ both / side.sum(0).clamp_min(1.0)[:, None]
            worst = max(worst, float(mean.abs().max()))
    return worst


def _scores(task: Task) -> tuple[tuple[str, ...], Float[Tensor, "output score"]]:
    if isinstance(task.train, Split) and task.train.targets.is_floating_point():
        return task.labels, torch.eye(task.outputs, dtype=torch.float64)
    if task.outputs == 2:
        return (f"log odds of {task.labels[1]}",), torch.tensor([[-1.0], [1.0]])
    return tuple(f"logit of {n}" for n in task.labels), torch.eye(task.outputs)


def _share(part: Tensor, whole: Tensor) -> float:
    part, whole = part - part.mean(0), whole - whole.mean(0)
    return float((part * whole).sum() / whole.square().sum().clamp_min(1e-300))


def _middle(model: Additive, task: Task) -> float:
    b, _, _ = pure_values(model)
    _, to_scores = _scores(task)
    at = b @ to_scores.to(b)
    return float(at.norm())


def _importance(terms: Terms, one: Tensor, two: Tensor) -> Table:
    mean = torch.cat([one, two])
    power = torch.cat([terms.mains, terms.pairs], 1).square().mean(0).sum(-1).sqrt()
    order = mean.argsort(descending=True, stable=True).tolist()
    rows = tuple((terms.names[i], float(mean[i]), float(power[i])) for i in order)
    return Table("Importance", ("function", "mean size", "root mean square"), rows)


def _curves(
    model: Additive, task: Task, x: Float[Tensor, "row feature"], weight: Float[Tensor, " feature"]
) -> list[Exhibit]:
    """The most important functions of one feature, each with how many rows lie where."""
    _, mains, _ = pure_values(model)
    scores, to_scores = _scores(task)
    names = feature_names(task, len(mains))
    shown: list[Exhibit] = []
    for i in weight.argsort(descending=True, stable=True)[:CURVES].tolist():
        low, high = float(model.knots[i, 0]), float(model.knots[i, -1])
        at = torch.linspace(low, high, POINTS).to(mains)
        y = hats(at[:, None], model.knots[i : i + 1])[:, 0] @ mains[i] @ to_scores.to(mains)
        curves = {s: tuple(y[:, k].tolist()) for k, s in enumerate(scores)}
        what = f"added to the {scores[0]}" if len(scores) == 1 else "added"
        shown.append(Lines(f"{names[i]}", tuple(at.tolist()), curves, names[i], what))
        shown.append(_density(x[:, i], names[i], low, high))
    return shown


def _density(values: Float[Tensor, " row"], name: str, low: float, high: float) -> Lines:
    """The share of training rows in equal bins, at the middle of each."""
    counts = torch.histc(values.double(), BARS, low, high)
    middles = low + (torch.arange(BARS) + 0.5) * (high - low) / BARS
    shares = tuple((counts / counts.sum()).tolist())
    title = f"{name}: where the training rows lie"
    return Lines(title, tuple(middles.tolist()), {"rows": shares}, name, "share of rows")


def _maps(model: Additive, task: Task, weight: Float[Tensor, " pair"]) -> list[Exhibit]:
    """The most important pairs at their knots, in the first score of each."""
    _, _, cells = pure_values(model)
    scores, to_scores = _scores(task)
    names = feature_names(task, model.config.features)
    q = model.config.pair_knots
    at = model.knots[:, :: model.parts.step]
    shown: list[Exhibit] = []
    for p in weight.argsort(descending=True, stable=True)[: MAPS // len(scores) or 1].tolist():
        i, j = model.chosen[p].tolist()
        table = cells[p] @ to_scores.to(cells)
        rows, columns = (tuple(f"{v:.3g}" for v in at[k].tolist()) for k in (i, j))
        for k, score in enumerate(scores[:MAPS]):
            title = f"{names[i]} (rows) x {names[j]} (columns), added to the {score}"
            values = tuple(tuple(r) for r in table[:, k].unflatten(0, (q, q)).tolist())
            shown.append(Heatmap(title, rows, columns, values))
    return shown
