"""The level of plans: how wide intervals would be with more seeds, and which classes lie unmet."""

from collections.abc import Callable
from math import isfinite, isnan

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.exhibits import Exhibit, Lines, Table
from analysis.stability.entropies.classes import class_counts, distance_classes, number_classes
from analysis.stability.estimates.planning import WidthPlan, plan_mean, plan_pairs
from analysis.stability.estimates.unseen import Unseen, unseen
from analysis.stability.functional import disagreement, divergence
from analysis.stability.level import Figure, Level
from analysis.stability.material import Material

COLUMNS = (
    "interval of",
    "seeds",
    "width now",
    "width at twice as many",
    "from",
    "to",
    "seeds for half the width",
    "seeds for a tenth",
)


def measure_planning(material: Material) -> Level | None:
    """Plans for disagreement, divergence and loss, and classes unmet by output and by label.

    None where there is nothing to plan with or all seeds diverged. Below four seeds it says so.
    """
    kept = material.kept
    classes = _classes(material)
    if not kept or (material.outputs is None and not material.losses and not classes):
        return None
    if len(kept) < 4:
        return Level("planning", skipped=(f"planning: wanted four seeds, got {len(kept)}",))
    plans, skipped = _plans(material)
    figures = [
        Figure(f"width at {2 * p.seeds} seeds, {name}", p.width(2 * p.seeds), "", "of a new study")
        for name, p in plans.items()
    ]
    figures += [
        Figure(f"classes at least, by {name}", found.classes, "classes", "Chao1")
        for name, found in classes.items()
    ]
    return Level(
        "planning",
        figures=tuple(figures),
        exhibits=_exhibits(plans, classes),
        statements=(
            *(plan.statement(name) for name, plan in plans.items()),
            *(f"by {name}: {found.statement}" for name, found in classes.items()),
        ),
        skipped=tuple(skipped),
    )


def _plans(material: Material) -> tuple[dict[str, WidthPlan], list[str]]:
    """A plan for each quantity that can be planned for, and why the others can't."""
    outputs = material.asked_outputs
    asked: dict[str, Callable[[], WidthPlan]] = {}
    if outputs is not None:
        asked["disagreement of outputs"] = lambda: plan_pairs(disagreement(outputs).pairs)
        asked["divergence of outputs"] = lambda: plan_pairs(divergence(outputs))
    if material.losses:
        asked["loss"] = lambda: plan_mean(_losses(material))
    plans: dict[str, WidthPlan] = {}
    skipped: list[str] = []
    for name, plan in asked.items():
        try:
            plans[name] = plan()
        except ValueError as error:
            skipped.append(f"planning of {name}: {error}")
    return plans, skipped


def _losses(material: Material) -> Float[Tensor, "kept"]:
    """Raises ValueError naming the kept seeds whose loss isn't finite."""
    odd = [material.names[seed] for seed in material.kept if not isfinite(material.losses[seed])]
    if odd:
        raise ValueError(f"losses: wanted finite numbers, got others from {', '.join(odd)}")
    return torch.tensor([material.losses[seed] for seed in material.kept], dtype=torch.float64)


def _classes(material: Material) -> dict[str, Unseen]:
    found: dict[str, Unseen] = {}
    if not material.kept:
        return found
    outputs = material.asked_outputs
    if outputs is not None:
        numbers = distance_classes(divergence(outputs), material.threshold)
        found["outputs"] = unseen(class_counts(numbers))
    labels = material.solution_labels
    if labels:
        found["interpretation"] = unseen(class_counts(number_classes(labels)))
    return found


def _exhibits(plans: dict[str, WidthPlan], classes: dict[str, Unseen]) -> tuple[Exhibit, ...]:
    shown: list[Exhibit] = []
    if plans:
        rows = tuple(_row(name, plan) for name, plan in plans.items())
        shown.append(Table("How many more seeds", COLUMNS, rows))
    drawn = {name: plan for name, plan in plans.items() if plan.width(2 * plan.seeds).defined}
    if drawn:
        seeds = next(iter(drawn.values())).seeds
        x = tuple(float(n) for n in range(max(seeds // 2, 4), 4 * seeds + 1))
        shown.append(
            Lines(
                "Width of the interval against the number of seeds",
                x,
                {
                    name: tuple(plan.width(int(n)).estimate / plan.width(seeds).estimate for n in x)
                    for name, plan in drawn.items()
                },
                "seeds",
                "width, in units of the width now",
            )
        )
    if classes:
        columns = ("classes by", "met", "at least", "new in as many seeds", "coverage", "then")
        rows = tuple(
            (
                name,
                float(c.met),
                c.classes.estimate,
                "unresolved" if not c.resolved or isnan(c.new) else c.new,
                c.coverage,
                "unresolved" if not c.resolved or isnan(c.new) else c.coverage_at_twice,
            )
            for name, c in classes.items()
        )
        shown.append(Table("Solution classes not met yet", columns, rows))
    return tuple(shown)


def _row(name: str, plan: WidthPlan) -> tuple[str | float, ...]:
    now, twice = plan.width(plan.seeds), plan.width(2 * plan.seeds)
    if not (now.defined and twice.defined):
        return (name, float(plan.seeds), *("no spread to plan with",) * 6)
    wanted = (plan.seeds_for(now.estimate / part) for part in (2, 10))
    counts = (float(n) if n else "not reachable" for n in wanted)
    return (name, float(plan.seeds), now.estimate, twice.estimate, twice.low, twice.high, *counts)
