"""Seeds of several architectures on the same data as one material, to be compared with each other.

Widths and parts differ, so only what can be compared across is kept: outputs, each model's first
representation, all its units side by side, dictionaries of a kind that every architecture has,
interpretations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.material import Material
from interpretable_arch.interpretation import Interpretation

ONE_HAS_NONE = "an architecture has none, or not at the same inputs"

Rows = Float[Tensor, "_ _"]


def joined(materials: Mapping[str, Material]) -> Material:
    """One material of all seeds, called ARCHITECTURE SEED, from the material of each architecture.

    Raises ValueError for fewer than two architectures.
    """
    if len(materials) < 2:
        raise ValueError(f"materials: wanted two architectures or more, got {list(materials)}")
    each = tuple(materials.values())
    outputs = _together([m.outputs for m in each])
    representations = _of_all("representation", [_first(m) for m in each], each)
    units = _of_all("units", [_units(m) for m in each], each)
    absent = {
        "outputs": "" if outputs is not None else "the architectures' outputs differ in shape",
        "representations": "" if representations else ONE_HAS_NONE,
        "features": "" if units else ONE_HAS_NONE,
    }
    return Material(
        names=tuple(f"{kind} {name}" for kind, m in materials.items() for name in m.names),
        architectures=tuple(kind for kind, m in materials.items() for _ in m.names),
        diverged=tuple(chain.from_iterable(m.diverged or (False,) * len(m.names) for m in each)),
        outputs=outputs,
        outputs_as=each[0].outputs_as,
        targets=each[0].targets,
        representations=representations,
        activations=units,
        dictionaries={
            kind: tuple(chain.from_iterable(m.dictionaries[kind] for m in each))
            for kind in each[0].dictionaries
            if all(kind in m.dictionaries for m in each)
        },
        interpretations=_interpretations(each),
        labels=tuple(chain.from_iterable(m.labels for m in each))
        if all(m.labels for m in each)
        else (),
        losses=tuple(chain.from_iterable(m.losses for m in each))
        if all(m.losses for m in each)
        else (),
        untrained=_nulls([m.untrained for m in each], tuple(materials)),
        shuffled=_nulls([m.shuffled for m in each], tuple(materials)),
        absent={level: reason for level, reason in absent.items() if reason},
    )


def _nulls(nulls: Sequence[Material | None], kinds: Sequence[str]) -> Material | None:
    given = {kind: null for kind, null in zip(kinds, nulls, strict=True) if null is not None}
    return joined(given) if len(given) == len(kinds) else None


def _together(outputs: Sequence[Tensor | None]) -> Tensor | None:
    given = [each for each in outputs if each is not None]
    alike = len({tuple(each.shape[1:]) for each in given}) == 1
    return torch.cat(given) if alike and len(given) == len(outputs) else None


@dataclass(frozen=True, eq=False)
class _Sites:
    """One [input, feature] a seed, and how many rows each site had before it was thinned."""

    rows: tuple[Rows, ...] = ()
    counts: frozenset[int | None] = frozenset()


def _first(material: Material) -> _Sites:
    for site, rows in material.representations.items():
        return _Sites(rows, frozenset({material.row_counts.get(site)}))
    return _Sites()


def _units(material: Material) -> _Sites:
    """All units of a model as one matrix; empty where it has none, or not at the same rows.

    Units that answer to something else than the model's inputs (senses of a vocabulary) are not
    among them: those with the rows of the representation are.
    """
    of_inputs = material.row_counts.get(next(iter(material.representations), ""))
    named = [s for s in material.activations if material.row_counts.get(s) == of_inputs]
    sites = tuple(material.activations[site] for site in named)
    counts = frozenset({of_inputs})
    if not sites or any(len({len(x) for x in rows}) > 1 for rows in _seeds(sites)):
        return _Sites()
    return _Sites(tuple(torch.cat(rows, dim=1) for rows in _seeds(sites)), counts)


def _seeds(sites: Sequence[tuple[Rows, ...]]) -> list[tuple[Rows, ...]]:
    return list(zip(*sites, strict=True))


def _of_all(
    name: str, given: Sequence[_Sites], materials: Sequence[Material]
) -> dict[str, tuple[Rows, ...]]:
    """One entry with the rows of all models; none where they are not of the same inputs.

    An architecture may have no rows, or a row for each position where others have one an input;
    both may have been thinned to as many, so the numbers before are compared, and those of outputs.
    """
    found = tuple(chain.from_iterable(each.rows for each in given))
    kept = [each for each in found if each.numel()]
    before = frozenset[int | None]().union(*(each.counts for each in given)) - {None}
    asked = {m.outputs.shape[1] for m in materials if m.outputs is not None}
    alike = len({len(each) for each in kept}) == 1 and len(before) <= 1 and len(asked) <= 1
    return {name: found} if all(each.rows for each in given) and alike else {}


def _interpretations(materials: Sequence[Material]) -> tuple[Interpretation | None, ...]:
    """None for every seed of an architecture that says nothing."""
    return tuple(
        chain.from_iterable(m.interpretations or (None,) * len(m.names) for m in materials)
    )
