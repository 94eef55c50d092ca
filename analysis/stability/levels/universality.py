"""The level of universality: what different architectures share, beside what their seeds share.

One similarity matrix over all models for each thing that compares across architectures: answers,
representations (debiased CKA), features found (see `universal_features`), role graphs of circuits.
Labels are not: two architectures tell one story in different words. None where all models are of
one architecture.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.exhibits import Exhibit, Heatmap, Table
from analysis.stability.estimates.intervals import Interval
from analysis.stability.functional import disagreement
from analysis.stability.interpretations.roles import role_shares, role_similarity
from analysis.stability.level import Figure, Level
from analysis.stability.material import Material
from analysis.stability.nulls import PERMUTED, SHUFFLED, UNTRAINED
from analysis.stability.representations.chance import permuted_rows
from analysis.stability.representations.cka import cka
from analysis.stability.representations.given import constant_seeds
from analysis.stability.universal_features import KINDS, TAU, Found, find_features, kind_shares
from analysis.stability.universality import Similarities, Universality, universality
from interpretable_arch.maths.spread import evenly

NAME = "universality"
MOST_INPUTS, MOST_FEATURES = 1024, 1024
Matrix = Float[Tensor, "seed seed"]
Of = Callable[[Material], Matrix | None]
Finder = Callable[[Material, str, bool], Found | None]


@dataclass(frozen=True)
class Asked:
    """A similarity over all models; `shuffles` gives it for inputs in other orders, if it can."""

    name: str
    of: Of
    shuffles: Of | None = None


def measure_universality(material: Material) -> Level | None:
    """Within and between architectures, by all that compares across them, above each null."""
    kinds = _kinds(material)
    if len(set(kinds)) < 2:
        return None
    found: dict[str, Universality] = {}
    skipped: list[str] = []
    find = cache(_find)
    for asked in _asked(material, find):
        try:
            matrix = asked.of(material)
            if matrix is not None:
                nulls = _nulls(asked, material, skipped)
                found[asked.name] = _clipped(universality(Similarities(matrix, kinds), nulls))
        except ValueError as error:
            skipped.append(f"{NAME} of {asked.name}: {error}")
    features = _features(material, kinds, find, skipped)
    return Level(
        NAME,
        figures=(*_figures(found), *features),
        exhibits=tuple(_exhibits(found)),
        statements=tuple(_said(name, each) for name, each in found.items()),
        skipped=tuple(skipped),
    )


def _clipped(found: Universality) -> Universality:
    """Every similarity of this level lies in [-1, 1]."""
    ends = {name: getattr(found, name).clipped(-1.0, 1.0) for name in ("within", "between")}
    return replace(found, **ends)


def _kinds(material: Material) -> tuple[str, ...]:
    return tuple(material.architectures[n] for n in material.kept) if material.architectures else ()


def _asked(material: Material, find: Finder) -> list[Asked]:
    asked = [Asked("answers", _answers)]
    for site in material.representations:
        asked.append(
            Asked(
                f"{site}, debiased CKA",
                lambda m, s=site: _cka(m, s),
                lambda m, s=site: _cka(m, s, True),
            )
        )
    for kind in material.activations:
        asked.append(
            Asked(
                f"features of {kind} found",
                lambda m, k=kind: _similarity(find(m, k, False)),
                lambda m, k=kind: _similarity(find(m, k, True)),
            )
        )
    return [*asked, Asked("roles of circuits", _roles)]


def _nulls(asked: Asked, material: Material, skipped: list[str]) -> dict[str, Similarities]:
    nulls: dict[str, Similarities] = {}
    for name, null in ((UNTRAINED, material.untrained), (SHUFFLED, material.shuffled)):
        if null is None or len(set(_kinds(null))) < 2:
            continue
        try:
            matrix = asked.of(null)
            if matrix is not None:
                nulls[name] = Similarities(matrix, _kinds(null))
        except ValueError as error:
            skipped.append(f"{NAME} of {asked.name}, null {name}: {error}")
    if asked.shuffles is not None:
        matrix = asked.shuffles(material)
        if matrix is not None:
            nulls[PERMUTED] = Similarities(matrix, _kinds(material))
    return {name: null for name, null in nulls.items() if set(null.kinds) == set(_kinds(material))}


def _answers(material: Material) -> Matrix | None:
    """Share of inputs on which two models answer alike."""
    outputs = material.asked_outputs
    return None if outputs is None else 1 - disagreement(outputs).pairs


def _rows(
    given: Mapping[str, Sequence[Tensor]], key: str, material: Material
) -> list[Tensor] | None:
    if key not in given:
        return None
    rows = [given[key][n] for n in material.kept]
    return [x[evenly(len(x), MOST_INPUTS)] if len(x) > MOST_INPUTS else x for x in rows]


def _cka(material: Material, site: str, shuffled: bool = False) -> Matrix | None:
    rows = _rows(material.representations, site, material)
    if rows is None:
        return None
    constant = [material.names[material.kept[n]] for n in constant_seeds(rows)]
    if constant:
        raise ValueError(f"{site} is the same for every input in {', '.join(constant)}")
    generator = torch.Generator().manual_seed(0)
    return cka(permuted_rows(rows, generator) if shuffled else rows)


def _units(material: Material, kind: str) -> list[Tensor] | None:
    """No more than `MOST_FEATURES` evenly spread units of each model."""
    rows = _rows(material.activations, kind, material)
    if rows is None:
        return None
    return [
        x[:, evenly(x.shape[1], MOST_FEATURES)] if x.shape[1] > MOST_FEATURES else x for x in rows
    ]


def _find(material: Material, kind: str, shuffled: bool) -> Found | None:
    rows = _units(material, kind)
    if rows is None:
        return None
    generator = torch.Generator().manual_seed(0)
    return find_features(permuted_rows(rows, generator) if shuffled else rows)


def _similarity(found: Found | None) -> Matrix | None:
    return None if found is None else found.similarity()


def _roles(material: Material) -> Matrix | None:
    """Role graphs of the models' circuits; None where a model gives none."""
    given = [material.interpretations[n] for n in material.kept] if material.interpretations else []
    graphs = [each.graph for each in given if each is not None and each.graph is not None]
    if not graphs or len(graphs) < len(given):
        return None
    return role_similarity(role_shares(graphs)[0])


def _figures(found: Mapping[str, Universality]) -> list[Figure]:
    figures = []
    for name, each in found.items():
        figures += [
            Figure(f"{name}: within", each.within, "similarity", "two seeds of one architecture"),
            Figure(f"{name}: between", each.between, "similarity", "seeds of two architectures"),
        ]
        figures += [
            Figure(f"{name}: universal share", rung.share, "share", f"above the null {rung.name}")
            for rung in each.rungs
        ]
    return figures


def _exhibits(found: Mapping[str, Universality]) -> list[Exhibit]:
    columns = ("compared", "null", "within", "between", "null within", "null between", "share", "p")
    rows = [
        (
            name,
            rung.name if rung else "none",
            each.within.estimate,
            each.between.estimate,
            rung.within.estimate if rung else math.nan,
            rung.between.estimate if rung else math.nan,
            str(rung.share) if rung else "",
            each.p,
        )
        for name, each in found.items()
        for rung in each.rungs or (None,)
    ]
    tables: list[Exhibit] = (
        [Table("What architectures share", columns, tuple(rows))] if rows else []
    )
    maps = [
        Heatmap(f"{name}, architecture by architecture", u.architectures, u.architectures, u.blocks)
        for name, u in found.items()
        if all(map(math.isfinite, (v for row in u.blocks for v in row)))
    ]
    return [*tables, *maps]


def _features(
    material: Material, kinds: tuple[str, ...], find: Finder, skipped: list[str]
) -> list[Figure]:
    """Shares of universal, architectural and private features, beside those of permuted rows."""
    figures: list[Figure] = []
    for kind in material.activations:
        widest = max(material.activations[kind][n].shape[1] for n in material.kept)
        if widest > MOST_FEATURES:
            skipped.append(f"{NAME} of {kind}: {MOST_FEATURES} evenly spread units of a model")
        try:
            ours, null = (_kind_shares(find(material, kind, each), kinds) for each in (False, True))
        except ValueError as error:
            skipped.append(f"{NAME} of features of {kind}: {error}")
            continue
        figures += [
            Figure(f"{name} features of {kind}, {a}{where}", shares[a][name], "share", f"tau {TAU}")
            for a in ours
            for name in KINDS
            for where, shares in (("", ours), (f", null {PERMUTED}", null))
        ]
    return figures


def _kind_shares(found: Found | None, kinds: tuple[str, ...]) -> dict[str, dict[str, Interval]]:
    return {} if found is None else kind_shares(found, kinds)


def _said(name: str, found: Universality) -> str:
    if math.isnan(found.within.estimate):
        within = f"what two seeds of one architecture share is {found.within};"
        said = f"{name}: {within} seeds of two architectures share {found.between}"
    else:
        within = f"two seeds of one architecture share {found.within},"
        said = f"{name}: {within} seeds of two architectures {found.between}"
    if not math.isnan(found.p):
        said = f"{said} (labels permuted: p = {found.p:.3g})"
    above = [f"{r.share} above {r.name}" for r in found.rungs if not math.isnan(r.share.estimate)]
    return f"{said}; universal share {', '.join(above)}" if above else said
