"""The level of plans: how wide intervals would be with more seeds, and which classes lie unmet."""

import torch

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
    kept = list(material.kept)
    classes = _classes(material)
    if not kept or (material.outputs is None and not material.losses and not classes):
        return None
    if len(kept) < 4:
        return Level("planning", skipped=(f"planning: wanted four seeds, got {len(kept)}",))
    plans: dict[str, WidthPlan] = {}
    if material.outputs is not None:
        outputs = material.outputs[kept]
        plans["disagreement of outputs"] = plan_pairs(disagreement(outputs).pairs)
        plans["divergence of outputs"] = plan_pairs(divergence(outputs))
    if material.losses:
        losses = torch.tensor([material.losses[seed] for seed in kept], dtype=torch.float64)
        plans["loss"] = plan_mean(losses)
    figures = [
        Figure(f"width at {2 * p.seeds} seeds, {name}", p.width(2 * p.seeds), "", "expected")
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
    )


def _classes(material: Material) -> dict[str, Unseen]:
    kept = list(material.kept)
    found: dict[str, Unseen] = {}
    if not kept:
        return found
    if material.outputs is not None:
        numbers = distance_classes(divergence(material.outputs[kept]), material.threshold)
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
                c.new if c.resolved else "unresolved",
                c.coverage,
                c.coverage_at_twice if c.resolved else "unresolved",
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
