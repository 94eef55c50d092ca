"""Every level of comparison in the order in which a report gives them, one line each."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from tqdm import tqdm

from analysis.stability.level import Level, Measurer
from analysis.stability.levels.entropies import measure_entropies
from analysis.stability.levels.factors import measure_factors
from analysis.stability.levels.features import measure_features
from analysis.stability.levels.interpretations import measure_interpretations
from analysis.stability.levels.outputs import STRESS, measure_outputs, measure_stress
from analysis.stability.levels.planning import measure_planning
from analysis.stability.levels.representations import measure_representations
from analysis.stability.levels.universality import measure_universality
from analysis.stability.levels.weights import measure_weights
from analysis.stability.material import Material
from analysis.stability.result import Stability

MEASURERS: Mapping[str, Measurer] = {
    "representations": measure_representations,
    "features": measure_features,
    "weights": measure_weights,
    "interpretations": measure_interpretations,
    "universality": measure_universality,
    "entropies": measure_entropies,
    "factors": measure_factors,
    "planning": measure_planning,
}
HEADLINE = "headline"  # in `absent`: why there is none, or only a part of one
Found = Callable[[Level, float], None]


def unheard(level: Level, seconds: float) -> None:
    """The listener of a report that nobody waits for."""


def measure_levels(
    material: Material,
    headline: Stability | None,
    found: Found = unheard,
    progress: bool = False,
) -> tuple[Level, ...]:
    """All levels for which there is material; `found` hears of each, and the seconds it took.

    With `progress`, in a terminal, a bar says which level is being measured. A level that refuses
    what it was given becomes one that says why, and the rest goes on.
    """
    asked = {
        "outputs": lambda each: _outputs(each, headline),
        STRESS: _stress,
        **MEASURERS,
    }
    levels: list[Level] = []
    bar = tqdm(asked.items(), unit="level", leave=False, disable=None if progress else True)
    for name, measurer in bar:
        bar.set_description(f"measuring {name}")
        started = time.monotonic()
        level = measured(name, measurer, material)
        if level is not None:
            levels.append(level)
            with tqdm.external_write_mode():  # what is said of it stands above the bar
                found(level, time.monotonic() - started)
    return tuple(levels)


def _outputs(material: Material, headline: Stability | None) -> Level | None:
    reason = material.absent.get(HEADLINE)
    if headline is None and material.outputs is not None and reason is not None:
        return Level("outputs", skipped=(f"outputs: {reason}",))
    return _noted(measure_outputs(material, headline), material)


def _stress(material: Material) -> Level | None:
    level = measure_stress(material)
    return level if material.stress is None else _noted(level, material.stress)


def _noted(level: Level | None, material: Material) -> Level | None:
    """How values were made choices, said beside what was found of them."""
    if level is None or not material.outputs_as:
        return level
    return replace(level, notes=(*level.notes, material.outputs_as))


def measured(name: str, measurer: Measurer, material: Material) -> Level | None:
    """The level, or one that says why it could not be measured; None where nothing was given."""
    try:
        level = measurer(material)
    except (ValueError, ArithmeticError, RuntimeError) as error:  # RuntimeError: torch's own
        reason = " ".join(str(error).split()) or type(error).__name__
        return Level(name, skipped=(f"{name}: {reason}",))
    reason = material.absent.get(name)
    if level is None and reason is not None:
        return Level(name, skipped=(f"{name}: {reason}",))
    return level
