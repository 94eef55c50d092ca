"""Nulls that hold numbers that are not finite are left out and named: the answer stays."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jaxtyping import Shaped
from torch import Tensor, nn

from analysis.stability.collect import collect
from analysis.stability.finite import NotFinite, check_finite
from analysis.stability.levels.outputs import STRESS
from analysis.stability.material import Material
from analysis.stability.nulls import SHUFFLED, UNTRAINED

NULLS = {"untrained": UNTRAINED, "shuffled": SHUFFLED, "stress": STRESS}


def collect_null(
    models: Sequence[nn.Module], inputs: Shaped[Tensor, "example *shape"], **asked: Any
) -> tuple[Material | None, str]:
    """`collect` of a null, and ""; None and why where a model gives NaN or infinity.

    None and "" for no models. Raises what `collect` raises otherwise.
    """
    try:
        return (collect(models, inputs, **asked) if models else None), ""
    except NotFinite as error:
        return None, f"left out: {str(error).split(';')[0]}"


def with_finite_nulls(material: Material) -> Material:
    """The material without those nulls and that stress set that hold NaN or infinity.

    `absent` says of each which seed and what. Costs one pass over them.
    """
    faults = {field: _fault(getattr(material, field)) for field in NULLS}
    broken = {field: fault for field, fault in faults.items() if fault}
    said = {NULLS[field]: f"left out: {fault}" for field, fault in broken.items()}
    dropped = dict.fromkeys(broken)
    return replace(material, **dropped, absent={**material.absent, **said})


def _fault(material: Material | None) -> str:
    """The first kept seed's values that are not finite, in words; "" where all are."""
    if material is None:
        return ""
    for seed in material.kept:
        given = {} if material.outputs is None else {"output": material.outputs[seed]}
        given |= {site: rows[seed] for site, rows in material.representations.items()}
        given |= {site: rows[seed] for site, rows in material.activations.items()}
        for what, values in given.items():
            try:
                check_finite(what, values)
            except NotFinite as error:
                return f"{material.names[seed]}: {error}"
    return ""
