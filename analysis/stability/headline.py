"""The headline of a report: outputs and the first representation as one result."""

import torch
from jaxtyping import Float
from torch import Tensor

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
    if not 0 <= threshold <= LARGEST_DIVERGENCE:
        raise ValueError(f"threshold: wanted 0 to {LARGEST_DIVERGENCE:.4f}, got {threshold}")
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


def _first_site(material: Material) -> Float[Tensor, "seed input feature"] | None:
    """The first representation where all seeds have it in one shape; NaN for diverged ones."""
    for rows in material.representations.values():
        shapes = {tuple(rows[n].shape) for n in material.kept}
        if len(shapes) == 1:
            blank = torch.full(shapes.pop(), torch.nan)
            return torch.stack([rows[n] if n in material.kept else blank for n in range(len(rows))])
    return None


def _labels(material: Material) -> list[str] | None:
    """What each model calls its solution; None where one of them names none."""
    if material.labels:
        return list(material.labels)
    found = [None if i is None else i.label or None for i in material.interpretations]
    labels = ["diverged" if n not in material.kept else found[n] for n in range(len(found))]
    return None if None in labels or not labels else [str(label) for label in labels]
