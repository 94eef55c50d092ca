"""K models, or what was kept of them -> how much they differ, level by level.

Each level is measured on its own: one that can't be says why, and the others still come. Levels are
handed on as they are found, so that a long report has an early partial answer.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jaxtyping import Shaped
from torch import Tensor, nn

from analysis.stability.collect import collect
from analysis.stability.duplicates import duplicates
from analysis.stability.entropies.classes import DIVERGED
from analysis.stability.finite_nulls import NULLS, collect_null, with_finite_nulls
from analysis.stability.headline import check_threshold, falsely_diverged, headline_or_reason
from analysis.stability.level import Level
from analysis.stability.levels.every_level import HEADLINE, Found, measure_levels, unheard
from analysis.stability.material import Material
from analysis.stability.plain import plain
from analysis.stability.result import Stability
from interpretable_arch.symmetry import weights


@dataclass(frozen=True)
class StabilityReport:
    """What K models share, from outputs to interpretations.

    `stability` is the headline of outputs and representations, None without outputs; `absent` says
    for each level that could not be measured why; `seconds` is what the whole took.
    """

    name: str
    names: tuple[str, ...]
    architectures: tuple[str, ...]
    stability: Stability | None
    levels: tuple[Level, ...]
    absent: Mapping[str, str]
    seconds: float

    @property
    def statements(self) -> tuple[str, ...]:
        """Everything that is said in words, level by level."""
        return tuple(sentence for level in self.levels for sentence in level.statements)

    def level(self, name: str) -> Level:
        """The level of this name. Raises ValueError where it wasn't measured, with the reason."""
        for found in self.levels:
            if found.name == name:
                return found
        known = ", ".join(found.name for found in self.levels)
        raise ValueError(f"level: wanted one of {known}, got {name!r}")

    def to_mapping(self) -> dict[str, Any]:
        """Plain data for JSON: numbers that are undefined or infinite are None."""
        return plain(
            {
                **vars(self),
                "stability": None if self.stability is None else self.stability.to_mapping(),
                "levels": [level.to_mapping() for level in self.levels],
                "statements": self.statements,
            }
        )

    def __str__(self) -> str:
        head = f"{self.name}: {len(self.names)} models"
        missing = [f"not there, {what}: {reason}" for what, reason in self.absent.items()]
        return "\n\n".join([head, *(str(level) for level in self.levels), *missing])


def report(
    models: Sequence[nn.Module],
    inputs: Shaped[Tensor, "example *shape"],
    *,
    targets: Shaped[Tensor, "example *answer"] | None = None,
    names: Sequence[str] | None = None,
    architectures: Sequence[str] | None = None,
    diverged: Sequence[bool] | None = None,
    sites: Sequence[str] = (),
    untrained: Sequence[nn.Module] = (),
    shuffled: Sequence[nn.Module] = (),
    stress: Shaped[Tensor, "other *shape"] | None = None,
    threshold: float = 0.1,
    allow_duplicates: bool = False,
    name: str = "models",
    found: Found = unheard,
) -> StabilityReport:
    """How much K trained models of any origin differ, at every level that they allow.

    inputs         what all models are called on, [example, ...]
    targets        right answers: numbers of classes, or values (then outputs are values too)
    architectures  one name a model, where several are compared; found from the models otherwise
    diverged       one flag a model: such a one is not run, and is a class of its own
    sites          submodules whose outputs are representations besides
    untrained      the same models before training, as many, in the same order: a null
    shuffled       models trained as long on answers that were dealt anew: a null
    stress         other inputs, on which outputs are compared once more; values in the spread of
                   `targets`
    threshold      largest root-mean-square sqrt(JSD) within a solution class, sqrt(nats)
    found          called with each level as it is measured, and the seconds so far

    Costs the models' forward passes and, by default at K = 20, seconds to minutes. A null or a
    stress set whose numbers are not finite is left out, and `absent` says so.

    Raises ValueError for no models, for a model passed twice (told by its weights), for one that
    can't take the inputs, gives no tensor or gives NaN or infinity without being flagged, for
    targets that are not one an answer or have no spread, and for a threshold outside
    [0, sqrt ln 2].
    """
    check_threshold(threshold)
    flags = diverged if diverged is not None else [False] * len(models)
    named = zip(_named(models, names), flags, strict=False)
    # Diverged ones are not compared, and may well be NaN all over, all alike.
    _check_twice([each for each, lost in named if not lost], allow_duplicates)
    material = collect(
        models,
        inputs,
        targets=targets,
        names=names,
        architectures=architectures,
        diverged=diverged,
        sites=sites,
    )
    same = {"targets": targets, "sites": sites}
    twins = diverged if len(untrained) == len(models) else None
    nulls = {
        "untrained": collect_null(untrained, inputs, diverged=twins, **same),
        "shuffled": collect_null(shuffled, inputs, **same),
        "stress": (None, "")
        if stress is None
        else collect_null(models, stress, names=names, diverged=diverged, scale=targets),
    }
    absent = {NULLS[field]: reason for field, (_, reason) in nulls.items() if reason}
    material = replace(
        material,
        threshold=threshold,
        absent={**material.absent, **absent},
        **{field: null for field, (null, _) in nulls.items()},
    )
    return report_on(material, name=name, found=found)


def report_on(
    material: Material,
    *,
    name: str = "models",
    found: Found = unheard,
) -> StabilityReport:
    """The report of what was collected; see `report`.

    What can't be had is left out and named in `absent`: nulls that are not finite, a headline that
    is refused, labels where a seed that did not diverge says so. Raises ValueError for a threshold
    out of range.
    """
    started = time.monotonic()
    material = _with_honest_labels(with_finite_nulls(material))
    headline, reason = headline_or_reason(material)
    if reason:
        material = replace(material, absent={**material.absent, HEADLINE: reason})
    levels = measure_levels(material, headline, found, progress=found is not unheard)
    return StabilityReport(
        name=name,
        names=material.names,
        architectures=material.architectures,
        stability=headline,
        levels=levels,
        absent=dict(material.absent),
        seconds=time.monotonic() - started,
    )


def _with_honest_labels(material: Material) -> Material:
    """Without labels where a kept seed's is that of diverged ones, which would be one class."""
    liars = falsely_diverged(material)
    if not liars:
        return material
    reason = f"no classes: {', '.join(liars)} did not diverge but is labelled {DIVERGED!r}"
    return replace(
        material,
        labels=("",) * len(material.names),
        absent={**material.absent, "labels": reason},
    )


def _check_twice(named: Sequence[tuple[str, nn.Module]], allowed: bool) -> None:
    """ValueError for a model that is passed twice: it agrees with itself, for nothing."""
    pairs = duplicates([weights(model) for _, model in named])
    if pairs and not allowed:
        first, second = named[pairs[0].first][0], named[pairs[0].second][0]
        raise ValueError(
            f"models: {first} and {second} hold the same weights to the bit (SHA-256"
            f" {pairs[0].checksum[:16]}...): one run given twice; where two trainings did end"
            " alike to the last bit, say allow_duplicates=True"
        )


def _named(models: Sequence[nn.Module], names: Sequence[str] | None) -> list[tuple[str, nn.Module]]:
    named = names if names is not None else [f"model {n}" for n in range(len(models))]
    return list(zip(named, models, strict=False))
