"""The level of factors: how much of the variation is initialisation's, data order's, chance's."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.exhibits import Bars
from analysis.stability.entropies.classes import number_classes, same_class
from analysis.stability.estimates.variance_components import (
    VarianceComponents,
    half_squared_differences,
    variance_components,
)
from analysis.stability.functional import divergence
from analysis.stability.level import Figure, Level
from analysis.stability.material import Material

NESTED = ("repeat", "extractor", "reading")  # each within all that stand before it
Levels = Mapping[str, tuple[int, ...]]


def measure_factors(material: Material) -> Level | None:
    """Components of variance of losses, outputs (JSD) and labels, where factors were crossed.

    None where no factor has a level that two runs share: an ordinary study of seeds.
    """
    material = material.whole or material
    crossed, nested = _split(material)
    if not crossed:
        return None
    found: dict[str, tuple[str, VarianceComponents]] = {}
    skipped: list[str] = []
    for name, (unit, pairs) in _quantities(material).items():
        try:
            found[name] = unit, variance_components(pairs, crossed, nested=nested)
        except ValueError as error:
            skipped.append(f"factors of {name}: {error}")
    return Level(
        "factors",
        figures=tuple(
            Figure(f"{name}: {term}", value, unit, "component of variance")
            for name, (unit, each) in found.items()
            for term, value in zip(each.names, each.components, strict=True)
        ),
        exhibits=tuple(_bars(name, each) for name, (_, each) in found.items()),
        statements=tuple(_statement(name, each) for name, (_, each) in found.items()),
        skipped=(*skipped, *dict.fromkeys(n for _, each in found.values() for n in each.notes)),
    )


def _split(material: Material) -> tuple[Levels, Levels]:
    """The levels of the kept runs: of factors that vary and are shared, and of nested ones."""
    kept = material.kept
    levels = {name: tuple(each[s] for s in kept) for name, each in material.factors.items()}
    several = {name: each for name, each in levels.items() if len(set(each)) > 1}
    crossed = {name: each for name, each in several.items() if name not in NESTED}
    if not any(len(set(each)) < len(kept) for each in crossed.values()):
        return {}, {}
    return crossed, {name: several[name] for name in NESTED if name in several}


def _quantities(material: Material) -> dict[str, tuple[str, Float[Tensor, "run run"]]]:
    kept = list(material.kept)
    found: dict[str, tuple[str, Tensor]] = {}
    if material.losses:
        losses = torch.tensor([material.losses[seed] for seed in kept], dtype=torch.float64)
        found["loss"] = "loss^2", half_squared_differences(losses)
    outputs = material.asked_outputs
    if outputs is not None:
        found["outputs"] = "nats", divergence(outputs).square()
    labels = material.solution_labels
    if labels:
        found["interpretation"] = "probability", 1 - same_class(number_classes(labels))
    return found


def _bars(name: str, found: VarianceComponents) -> Bars:
    return Bars(
        title=f"Components of variance: {name}",
        names=found.names,
        values=tuple(each.estimate for each in found.shares),
        low=tuple(each.low if each.defined else None for each in found.shares),
        high=tuple(each.high if each.defined else None for each in found.shares),
        x_title="share of the total variance",
    )


def _statement(name: str, found: VarianceComponents) -> str:
    if found.total.estimate == 0:
        return f"{name}: no two runs differ, there is no variance to share out"
    parts = ", ".join(
        f"{term} {share}" for term, share in zip(found.names, found.shares, strict=True)
    )
    return f"{name}: shares of the variance: {parts}"
