"""The level of outputs: how differently K models answer, beside untrained and shuffled training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.estimates.two_way import input_blocks, means_without
from analysis.stability.functional import LARGEST_DIVERGENCE, disagreement, mean_divergence
from analysis.stability.headline import headline_of
from analysis.stability.level import Figure, Level
from analysis.stability.material import Material
from analysis.stability.nulls import SHUFFLED, UNTRAINED, PairMeasure, pair_measure
from analysis.stability.result import Stability

STRESS = "outputs on the stress set"
Pairs = Callable[[Tensor], Float[Tensor, "*block seed seed"]]


@dataclass(frozen=True)
class Asked:
    """A measure of outputs: `scale` of what is a mean over inputs for each pair of seeds."""

    name: str
    unit: str
    mean: Pairs
    scale: Pairs
    most: float

    def pairs(self, outputs: Float[Tensor, "seed input output"]) -> Float[Tensor, "seed seed"]:
        """The measure of all pairs on all inputs."""
        return self.scale(self.mean(outputs))

    def without(
        self, outputs: Float[Tensor, "seed input output"]
    ) -> Float[Tensor, "block seed seed"] | None:
        """The same with each block of inputs left out; None for one input."""
        if outputs.shape[1] < 2:
            return None
        blocks = input_blocks(outputs.shape[1])
        means = torch.stack([self.mean(outputs[:, block]) for block in blocks])
        return self.scale(means_without(means, blocks))


def _disagreement(outputs: Float[Tensor, "seed input output"]) -> Float[Tensor, "seed seed"]:
    return disagreement(outputs).pairs


ASKED = (
    Asked("divergence", "sqrt(nats)", mean_divergence, torch.sqrt, LARGEST_DIVERGENCE),
    Asked("disagreement", "share of inputs", _disagreement, torch.clone, 1.0),
)


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
    measures = _measures(material)
    return Level(
        "outputs",
        measures=measures,
        classes=tuple(c for c in (found.by_output, found.by_output_with_diverged) if c),
        figures=tuple(figures),
        # What they are of comes last: the first sentence is the one that is read.
        statements=(*found.statements[1:], *_of_new_inputs(measures), *found.statements[:1]),
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
    return tuple(
        pair_measure(
            asked.name,
            asked.unit,
            best=0.0,
            seeds=material.kept,
            matrix=asked.pairs(outputs),
            nulls=_nulls(material, asked.pairs),
            limits=(0.0, asked.most),
            without=asked.without(outputs),
        )
        for asked in ASKED
    )


def _of_new_inputs(measures: Sequence[PairMeasure]) -> tuple[str, ...]:
    """What the means are for inputs that were not looked at, of the same kind."""
    said = [f"{m.name} {m.new_inputs}" for m in measures if m.new_inputs and m.new_inputs.defined]
    return (f"for new seeds on new inputs: {', '.join(said)}",) if said else ()


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
