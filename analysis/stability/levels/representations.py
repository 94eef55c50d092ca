"""The level of representations: K seeds at each site, by every measure, beside the null ladder.

Each measure is asked of the trained seeds, of the untrained and label-shuffled ones where there are
some, of the trained ones with their inputs in different orders and, if it sees single features, of
the trained ones with their features turned at random. Large sites are cut down so that a level of
20 seeds takes seconds: `notes` say what was cut, `skipped` what could not be measured and why.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.stability.level import Level
from analysis.stability.material import Material
from analysis.stability.nulls import (
    MOST_NULL,
    PERMUTED,
    ROTATED,
    SHUFFLED,
    UNTRAINED,
    PairMeasure,
    pair_measure,
)
from analysis.stability.representations.all_inputs import cka_of_all
from analysis.stability.representations.cca import mean_cca
from analysis.stability.representations.chance import permuted_rows, rotated_basis
from analysis.stability.representations.cka import LEAST_INPUTS, cka
from analysis.stability.representations.given import Representations
from analysis.stability.representations.left_out import cka_left_out
from analysis.stability.representations.neighbours import mutual_neighbours
from analysis.stability.representations.procrustes import (
    as_distance,
    permutation_procrustes,
    procrustes_similarity,
)
from analysis.stability.representations.rsa import rsa
from analysis.stability.representations.site import Site, gather

NAME = "representations"
MOST_COMPONENTS = 256  # singular values of more cost seconds a pair
MOST_ASSIGNED = 190 * 160**3  # pairs x features^3: assignments of seconds in all
LEAST_SEEDS = 3  # below, a mean over pairs has no interval

Cut = Callable[[Site], tuple[Site, str]]
Pairs = Callable[[Representations], Float[Tensor, "seed seed"]]


@dataclass(frozen=True)
class Asked:
    """A similarity of pairs: how large a site it is asked of, whether it sees single features, and
    whether it is quick enough to be asked of nulls of all seeds. Of more inputs than `most_inputs`
    it is asked by `of_all`, its nulls not; `left_out` leaves blocks of inputs out."""

    name: str
    pairs: Pairs
    limits: tuple[float, float]
    most_inputs: int
    cuts: tuple[Cut, ...] = ()
    sees_basis: bool = False
    quick: bool = False
    of_all: Callable[[Representations], tuple[Float[Tensor, "seed seed"], str] | None] | None = None
    left_out: Callable[[Representations], Float[Tensor, "block seed seed"]] | None = None


def measure_representations(material: Material) -> Level | None:
    """All sites by debiased and biased CKA, Procrustes, RSA, mutual 10-NN and mean CCA.

    None where no representations were given.
    """
    if not material.representations:
        return None
    if len(material.kept) < 2:
        return Level(NAME, skipped=(f"{NAME}: one seed, no pair to compare",))
    measures: list[PairMeasure] = []
    notes: dict[str, list[str]] = {}
    skipped: dict[str, list[str]] = {}
    for place in material.representations:
        site, lost = gather(material, place)
        if site is not None and len(site.seeds) < 2:
            site, lost = None, (*lost, "one seed, no pair to compare")
        found, cut, refused = ((), (), ()) if site is None else _measure_site(site, place)
        measures += found
        for note in cut:
            notes.setdefault(note, []).append(place)
        for reason in (*lost, *refused):
            skipped.setdefault(reason, []).append(place)
    return Level(
        NAME,
        measures=tuple(measures),
        statements=tuple(_said(each) for each in measures if each.name == ASKED[0].name),
        notes=_at(notes),
        skipped=_at(skipped),
    )


def _at(said: Mapping[str, list[str]]) -> tuple[str, ...]:
    """What was said of sites, once for all sites of which it was."""
    return tuple(f"{NAME} at {', '.join(sites)}: {each}" for each, sites in said.items())


def _measure_site(site: Site, place: str) -> tuple[list[PairMeasure], list[str], list[str]]:
    """The measures, how they were made where not of all that is there, what was refused and why."""
    measures: list[PairMeasure] = []
    notes: list[str] = []
    refused: list[str] = []
    for asked in ASKED:
        try:
            found, cut = _measure(asked, site, place)
        except ValueError as error:
            refused.append(f"{asked.name} not measured: {error}")
            continue
        measures += found
        notes += [f"{asked.name}: {note}" for note in cut]
    return measures, notes, refused


def _measure(asked: Asked, site: Site, place: str) -> tuple[list[PairMeasure], list[str]]:
    """The measure with its ladder; of Procrustes the distance too, a metric to draw maps by."""
    notes, whole = [], site
    fewer = () if asked.quick else (_nulls_of_few,)
    for cut in (*fewer, *asked.cuts, partial(_inputs, most=asked.most_inputs)):
        site, note = cut(site)
        notes += [note] if note else []
    few = site if asked.quick else site.fewer(MOST_NULL)
    nulls, without = _nulls(asked, few), None
    of_all = asked.of_all(whole.trained) if asked.of_all and whole.inputs > site.inputs else None
    if of_all is not None:
        matrix, how = of_all
        notes = [f"{how}; its nulls at {note}" for note in notes]
    else:
        matrix = asked.pairs(site.trained)
        enough = site.inputs >= 2 * LEAST_INPUTS
        without = asked.left_out(site.trained) if asked.left_out and enough else None
    make = partial(pair_measure, seeds=site.seeds, of=place, without=without)
    shown = [
        make(asked.name, "similarity", best=1.0, matrix=matrix, nulls=nulls, limits=asked.limits)
    ]
    if asked.pairs is procrustes_similarity:
        nulls = {name: as_distance(null) for name, null in nulls.items()}
        limits = (0.0, math.sqrt(2))
        matrix = as_distance(matrix)
        name = "Procrustes distance"
        shown.append(make(name, "", best=0.0, matrix=matrix, nulls=nulls, limits=limits))
    return shown, notes


def _nulls(asked: Asked, site: Site) -> Mapping[str, Float[Tensor, "null null"]]:
    draws = torch.Generator().manual_seed(0)
    rungs = {
        UNTRAINED: site.untrained,
        SHUFFLED: site.shuffled,
        PERMUTED: permuted_rows(site.trained, draws),
        ROTATED: rotated_basis(site.trained, draws) if asked.sees_basis else (),
    }
    return {name: asked.pairs(null) for name, null in rungs.items() if null}


def _nulls_of_few(site: Site) -> tuple[Site, str]:
    """Fewer seeds in the nulls than are compared, as pairs cost seconds."""
    if max(len(rows) for rows in (site.trained, site.untrained, site.shuffled)) <= MOST_NULL:
        return site, ""
    nulls = {"untrained": site.untrained[:MOST_NULL], "shuffled": site.shuffled[:MOST_NULL]}
    return replace(site, **nulls), f"nulls of {MOST_NULL} seeds, for time"


def _inputs(site: Site, most: int) -> tuple[Site, str]:
    cut = site.on_inputs(most)
    return cut, "" if cut is site else f"{most} of {site.inputs} inputs, evenly spread"


def _components(site: Site) -> tuple[Site, str]:
    """Leading components, except where the whole is to be refused for its width."""
    cut = site.leading(MOST_COMPONENTS)
    return cut, "" if cut is site else f"in the {MOST_COMPONENTS} leading principal components"


def _fewer_features_than_inputs(site: Site) -> tuple[Site, str]:
    if site.inputs - 1 <= site.width:
        wanted = f"n - 1 > p, got {site.inputs} inputs for {site.width} features"
        raise ValueError(f"representations: wanted {wanted}: any two would agree")
    return site, ""


def _distinct(site: Site) -> tuple[Site, str]:
    """Before nulls are made: inputs that repeat would lie on both sides of a split."""
    cut = site.on_distinct_inputs()
    note = f"{cut.inputs} of {site.inputs} inputs, those that differ in some seed"
    return cut, "" if cut is site else note


def _own_features(site: Site) -> tuple[Site, str]:
    """Features to match one by one: p >= n may be a basis of the inputs, not the model's own."""
    if site.width >= site.inputs:
        got = f"{site.inputs} inputs for {site.width} features"
        raise ValueError(f"representations: wanted more inputs than features to match, got {got}")
    pairs = MOST_ASSIGNED / site.width**3
    most = max(int((1 + math.sqrt(1 + 8 * pairs)) / 2), LEAST_SEEDS)
    if len(site.seeds) <= most:
        return site, ""
    return site.fewer(most), f"the first {most} of {len(site.seeds)} seeds, for its cost"


def _said(measure: PairMeasure) -> str:
    """E.g. "at mlp the seeds' debiased CKA is 0.8 [0.7, 0.9]; untrained 0.2, row permutation 0"."""
    nulls = ", ".join(f"{rung.name} {rung.null.estimate:.3g}" for rung in measure.rungs)
    return f"at {measure.of} the seeds' {measure.name} is {measure.raw}; {nulls}"


ASKED = (
    Asked(
        "debiased linear CKA",
        cka,
        (-1.0, 1.0),
        4096,
        quick=True,
        of_all=cka_of_all,
        left_out=cka_left_out,
    ),
    Asked("biased linear CKA", partial(cka, debiased=False), (0.0, 1.0), 4096, quick=True),
    Asked("Procrustes similarity", procrustes_similarity, (0.0, 1.0), 1024, (_components,)),
    Asked(
        "permutation Procrustes, split-half",
        permutation_procrustes,
        (-1.0, 1.0),
        1024,
        (_distinct, _own_features),
        sees_basis=True,
    ),
    Asked("RSA, Spearman of distances", rsa, (-1.0, 1.0), 512),
    Asked("mutual 10 nearest neighbours", mutual_neighbours, (0.0, 1.0), 1024),
    Asked("mean CCA", mean_cca, (0.0, 1.0), 1024, (_fewer_features_than_inputs, _components)),
)
