"""The level of outputs: how differently K models answer, beside untrained and shuffled training."""

from collections.abc import Callable
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from analysis.stability.functional import LARGEST_DIVERGENCE, disagreement, divergence
from analysis.stability.headline import headline_of
from analysis.stability.level import Figure, Level
from analysis.stability.material import Material
from analysis.stability.nulls import SHUFFLED, UNTRAINED, PairMeasure, pair_measure
from analysis.stability.result import Stability

STRESS = "outputs on the stress set"
Pairs = Callable[[Tensor], Float[Tensor, "seed seed"]]


def measure_outputs(material: Material, found: Stability | None) -> Level | None:
    """Disagreement, divergence and solution classes; `found` is their headline result."""
    if material.outputs is None:
        reason = material.absent.get("outputs")
        return None if reason is None else Level("outputs", skipped=(f"outputs: {reason}",))
    if found is None or not found.kept:
        return Level("outputs", skipped=("outputs: all models diverged",))
    figures = [
        Figure(name, value, unit, meaning)
        for name, value, unit, meaning in (
            (
                "ensemble information",
                found.ensemble_information,
                "nats",
                "what knowing the seed says of the output",
            ),
            (
                "error rate",
                None if found.errors is None else found.errors.error,
                "share",
                "mean over seeds",
            ),
            (
                "disagreement of independent errors",
                None if found.errors is None else found.errors.independent,
                "share",
                "what these error rates alone would give",
            ),
        )
        if value is not None
    ]
    return Level(
        "outputs",
        measures=_measures(material),
        classes=tuple(c for c in (found.by_output, found.by_output_with_diverged) if c),
        figures=tuple(figures),
        # What they are of comes last: the first sentence is the one that is read.
        statements=(*found.statements[1:], *found.statements[:1]),
        notes=_of_which_runs(material),
    )


def _of_which_runs(material: Material) -> tuple[str, ...]:
    """What the runs that are compared stand for, where that is not every stream of the seeds."""
    said = [material.varied] if material.varied else []
    if material.whole is not None:
        few, many = len(material.names), len(material.whole.names)
        said.append(
            f"{few} of the {many} runs share no stream and are compared"
            f" ({', '.join(material.names)}); the others enter the factors alone"
        )
    return tuple(said)


def _measures(material: Material) -> tuple[PairMeasure, ...]:
    outputs = material.asked_outputs
    assert outputs is not None
    asked: tuple[tuple[str, str, Pairs, float], ...] = (
        ("divergence", "sqrt(nats)", divergence, LARGEST_DIVERGENCE),
        ("disagreement", "share of inputs", lambda each: disagreement(each).pairs, 1.0),
    )
    return tuple(
        pair_measure(
            name,
            unit,
            best=0.0,
            seeds=material.kept,
            matrix=pairs(outputs),
            nulls=_nulls(material, pairs),
            limits=(0.0, most),
        )
        for name, unit, pairs, most in asked
    )


def _nulls(material: Material, pairs: Pairs) -> dict[str, Float[Tensor, "null null"]]:
    given = {UNTRAINED: material.untrained, SHUFFLED: material.shuffled}
    return {
        name: pairs(outputs)
        for name, null in given.items()
        if null is not None and null.kept and (outputs := null.asked_outputs) is not None
    }


def measure_stress(material: Material) -> Level | None:
    """The outputs once more, on the user's stress set."""
    if material.stress is None:
        return None
    stress = replace(material.stress, threshold=material.threshold)
    level = measure_outputs(stress, headline_of(stress))
    return None if level is None else replace(level, name=STRESS)
