"""The headline of a report: outputs and the first representation as one result."""

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.entropies.classes import DIVERGED
from analysis.stability.functional import LARGEST_DIVERGENCE
from analysis.stability.material import Material
from analysis.stability.result import Stability
from analysis.stability.summary import stability


def headline_of(material: Material) -> Stability | None:
    """Outputs and the first representation as one result; None without outputs.

    Raises ValueError for a threshold outside [0, sqrt ln 2], where every pair of seeds is in one
    class or the number means nothing.
    """
    threshold = material.threshold
    check_threshold(threshold)
    if not material.kept:
        nothing = torch.zeros(len(material.names), 1, 2)
        return stability(nothing, diverged=material.diverged, threshold=threshold)
    if material.outputs is None:
        return None
    untrained = material.untrained
    return stability(
        material.outputs,
        targets=material.targets,
        representations=_first_site(material),
        untrained_outputs=None if untrained is None else untrained.outputs,
        untrained_representations=None if untrained is None else _first_site(untrained),
        interpretation_labels=_labels(material),
        diverged=material.diverged or None,
        threshold=threshold,
    )


def headline_or_reason(material: Material) -> tuple[Stability | None, str]:
    """The headline, of outputs alone where the whole of it can't be had; and why, "" where it can.

    None where even that can't be had, or there are no outputs. A threshold out of range is the one
    mistake that is raised.
    """
    check_threshold(material.threshold)
    try:
        return headline_of(material), ""
    except ValueError as error:
        reason = str(error)
    alone = Material(
        names=material.names,
        diverged=material.diverged,
        outputs=material.outputs,
        targets=material.targets,
        threshold=material.threshold,
    )
    try:
        return headline_of(alone), f"partial, of outputs alone: {reason}"
    except ValueError as error:
        return None, f"partial, without outputs: {error}"


def check_threshold(threshold: float) -> None:
    """Raises ValueError outside [0, sqrt ln 2]."""
    if not 0 <= threshold <= LARGEST_DIVERGENCE:
        raise ValueError(f"threshold: wanted 0 to {LARGEST_DIVERGENCE:.4f}, got {threshold}")


def falsely_diverged(material: Material) -> tuple[str, ...]:
    """The kept seeds whose label says that they diverged, by name."""
    given = material.labels or [each.label if each else "" for each in material.interpretations]
    said = [n for n in material.kept if n < len(given) and given[n] == DIVERGED]
    return tuple(material.names[n] for n in said)


def _first_site(material: Material) -> Float[Tensor, "seed input feature"] | None:
    """The first representation where all seeds have it in one shape; NaN for diverged ones."""
    for rows in material.representations.values():
        shapes = {tuple(rows[n].shape) for n in material.kept}
        if len(shapes) == 1:
            blank = torch.full(shapes.pop(), torch.nan)
            return torch.stack([rows[n] if n in material.kept else blank for n in range(len(rows))])
    return None


def _labels(material: Material) -> list[str] | None:
    """What each model calls its solution; None where one names none, or says falsely "diverged"."""
    if falsely_diverged(material):
        return None
    if material.labels:
        return list(material.labels) if all(material.labels) else None
    found = [None if i is None else i.label or None for i in material.interpretations]
    labels = [DIVERGED if n not in material.kept else found[n] for n in range(len(found))]
    return None if None in labels or not labels else [str(label) for label in labels]
