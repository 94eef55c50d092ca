"""The level of interpretations: what K models say of themselves, the same call for each.

Labels and classes of them; named features kind by kind, with a table of which come back and how far
their values vary; circuits modulo the order of heads and neurons; formulas on probes. Each measure
stands beside what untrained and label-shuffled models say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor

from analysis.exhibits import Exhibit, Table
from analysis.stability.entropies.grouping import by_interpretation
from analysis.stability.entropies.solutions import Solutions, solutions
from analysis.stability.interpretations.canonical_circuit import canonical_circuits
from analysis.stability.interpretations.circuit_matching import match_circuits
from analysis.stability.interpretations.circuits import circuits
from analysis.stability.interpretations.components import overlap
from analysis.stability.interpretations.formulas import TOLERANCE, formula_classes, formula_gaps
from analysis.stability.interpretations.named_features import (
    agreement,
    feature_spreads,
    feature_table,
)
from analysis.stability.interpretations.roles import role_shares, role_similarity
from analysis.stability.interpretations.strongest import CARRIED, edge_names, strongest
from analysis.stability.level import Level
from analysis.stability.material import Material
from analysis.stability.nulls import SHUFFLED, UNTRAINED, PairMeasure, pair_measure
from interpretable_arch.interpretation import Graph, Interpretation

NAME = "interpretations"
MOST_ROWS, MOST_KINDS = 60, 16
LONGEST = 40  # letters of a class's name
Says = Sequence[Interpretation]
T = TypeVar("T")
Pairs = Callable[[Says], Float[Tensor, "seed seed"]]


@dataclass(frozen=True)
class Asked:
    """A measure of all pairs, and what of the interpretations it looks at."""

    name: str
    unit: str
    best: float
    limits: tuple[float, float]
    pairs: Pairs
    of: str = ""


def measure_interpretations(material: Material) -> Level | None:
    """Everything that the kept models' interpretations allow; None where none was given."""
    given = material.interpretations
    seeds = tuple(n for n in material.kept if n < len(given) and given[n] is not None)
    says = _said_by(material, seeds)
    if not says:
        return None
    silent = [material.names[n] for n in material.kept if n not in seeds]
    notes = [f"of {len(seeds)} seeds: {', '.join(silent)} say nothing"] if silent else []
    skipped: list[str] = []
    measures = [
        found
        for asked in _asked(says, notes, skipped)
        if (found := _measure(asked, material, seeds, skipped)) is not None
    ]
    classes = _classes(material, seeds, says, skipped)
    return Level(
        NAME,
        measures=tuple(measures),
        classes=tuple(classes),
        exhibits=tuple(_recurrence(says, notes, skipped)),
        statements=(
            *(f"{found.basis}: {found.statement}" for found in classes),
            *(f"{each.name} of {each.of}: {each.raw}" for each in measures),
        ),
        notes=tuple(notes),
        skipped=tuple(skipped),
    )


def _said_by(material: Material, seeds: Sequence[int]) -> list[Interpretation]:
    found = [material.interpretations[n] for n in seeds]
    return [each for each in found if each is not None]


def _asked(says: Says, notes: list[str], skipped: list[str]) -> list[Asked]:
    """What these interpretations hold: kinds of features, circuits, formulas by their names."""
    asked: list[Asked] = []
    kinds = list(_try(lambda: feature_table(says).kinds(), {}, "features", skipped))
    if len(kinds) > MOST_KINDS:
        notes.append(f"features: the first {MOST_KINDS} of {len(kinds)} kinds")
    for kind in kinds[:MOST_KINDS]:
        pairs = _of_kind(kind)
        asked.append(Asked("agreement of values", "share", 1.0, (0.0, 1.0), pairs, kind))
    if all(each.graph is not None for each in says):
        asked += _of_circuits(says)
    for name in dict.fromkeys(formula.name for each in says for formula in each.formulas):
        if all(name in {formula.name for formula in each.formulas} for each in says):
            pairs = _of_formula(name)
            asked.append(Asked("gap on probes", "share of size", 0.0, (0.0, 2.0), pairs, name))
        else:
            skipped.append(f"formula {name!r}: not given by every seed")
    return asked


def _of_circuits(says: Says) -> list[Asked]:
    if not all(graph.edges for graph in _graphs(says)):
        # Of components alone it isn't known which there are, hence not what chance would share.
        name = "overlap (Jaccard; chance unknown without a universe)"
        return [Asked(name, "share", 1.0, (0.0, 1.0), _overlap, "circuit")]
    shared = Asked("overlap above chance", "share", 1.0, (-1.0, 1.0), _overlap, "circuit")
    matched = Asked(
        "edges, best matching of units", "similarity", 1.0, (-1.0, 1.0), _matched, "circuit"
    )
    return [matched, shared, Asked("roles", "affinity", 1.0, (0.0, 1.0), _roles, "circuit")]


def _measure(
    asked: Asked, material: Material, seeds: tuple[int, ...], skipped: list[str]
) -> PairMeasure | None:
    nulls = {}
    for name, null in ((UNTRAINED, material.untrained), (SHUFFLED, material.shuffled)):
        if null is None or not null.interpretations:
            continue
        theirs = _said_by(null, [n for n in null.kept if n < len(null.interpretations)])
        try:
            nulls[name] = _finite(asked.pairs(theirs))
        except (ValueError, KeyError) as error:
            skipped.append(f"{asked.name} of {asked.of}, null {name}: {error}")
    try:
        matrix = _finite(asked.pairs(_said_by(material, seeds)))
    except ValueError as error:
        skipped.append(f"{asked.name} of {asked.of}: {error}")
        return None
    return pair_measure(
        asked.name,
        asked.unit,
        best=asked.best,
        seeds=seeds,
        matrix=matrix,
        nulls=nulls,
        limits=asked.limits,
        of=asked.of,
    )


def _finite(matrix: Float[Tensor, "seed seed"]) -> Float[Tensor, "seed seed"]:
    if not bool(matrix.isfinite().all()):
        raise ValueError("some pairs can't be compared: other shapes, or chance agrees already")
    return matrix


def _of_kind(kind: str) -> Pairs:
    def pairs(says: Says) -> Float[Tensor, "seed seed"]:
        table = feature_table(says)
        columns = table.kinds().get(kind)
        if columns is None:
            raise ValueError("no feature of this kind")
        return agreement(table.of(columns))

    return pairs


def _of_formula(name: str) -> Pairs:
    def pairs(says: Says) -> Float[Tensor, "seed seed"]:
        return formula_gaps([f for each in says for f in each.formulas if f.name == name])

    return pairs


def _graphs(says: Says) -> list[Graph]:
    graphs = [each.graph for each in says if each.graph is not None]
    if not graphs:
        raise ValueError("no circuits")
    return graphs


def _matched(says: Says) -> Float[Tensor, "seed seed"]:
    return match_circuits(circuits(_graphs(says))).similarity


def _roles(says: Says) -> Float[Tensor, "seed seed"]:
    return role_similarity(role_shares(_graphs(says))[0])


def _overlap(says: Says) -> Float[Tensor, "seed seed"]:
    """Of nodes where there are no edges; else of the strongest edges, out of all that any has."""
    graphs = _graphs(says)
    if not all(graph.edges for graph in graphs):
        return overlap([graph.nodes for graph in graphs]).jaccard
    every = {name for graph in graphs for name in edge_names(graph)}
    return overlap([edge_names(strongest(graph)) for graph in graphs], len(every)).adjusted


def _classes(
    material: Material, seeds: Sequence[int], says: Says, skipped: list[str]
) -> list[Solutions]:
    """By the models' own labels, by circuits of their strongest edges, by each formula."""
    found: list[Solutions] = []
    by_label = dict(zip(material.kept, material.solution_labels, strict=False))
    labels = [by_label[seed] for seed in seeds if seed in by_label]
    if labels:
        alone, _ = by_interpretation(labels, [False] * len(labels))
        found += [alone] if alone is not None else []
    else:
        skipped.append("label: not every seed names its solution")
    if all(each.graph is not None for each in says):
        found += _circuit_classes(_graphs(says), skipped)
    for name in dict.fromkeys(formula.name for each in says for formula in each.formulas):
        if all(name in {formula.name for formula in each.formulas} for each in says):
            gaps = _try(lambda n=name: _of_formula(n)(says), None, f"formula {name!r}", skipped)
            basis = f"formula {name!r}, equal on probes to {TOLERANCE:g}"
            if gaps is not None:
                written = [f.expression for each in says for f in each.formulas if f.name == name]
                found.append(_called(solutions(formula_classes(gaps), basis=basis), written))
    return found


def _circuit_classes(graphs: Sequence[Graph], skipped: list[str]) -> list[Solutions]:
    """By circuits of the strongest edges, of the components where no seed gives edges."""
    drawn = [strongest(graph) for graph in graphs]
    names = _try(lambda: canonical_circuits(circuits(drawn)), (), "circuits", skipped)
    if not names:
        return []
    edges = any(graph.edges for graph in graphs)
    what = f"the edges that carry {CARRIED:.0%}" if edges else "these components"
    found = solutions(names, basis=f"circuit of {what}, up to the order of units")
    # Edges are too many to be said, and a checksum says nothing.
    listed = ["" if edges else ", ".join(sorted(g.nodes)) or "no component" for g in graphs]
    return [_called(found, listed)]


def _called(found: Solutions, said: Sequence[str]) -> Solutions:
    """Each class by what its first seed says, by its number where that is long or nothing."""
    first = [said[found.classes.index(number)] for number in range(len(found.counts))]
    fits = [0 < len(each) <= LONGEST for each in first]
    return replace(
        found,
        names=tuple(
            each if fit else f"class {n + 1}"
            for n, (each, fit) in enumerate(zip(first, fits, strict=True))
        ),
    )


def _try(asked: Callable[[], T], otherwise: T, of: str, skipped: list[str]) -> T:
    try:
        return asked()
    except ValueError as error:
        skipped.append(f"{of}: {error}")
        return otherwise


def _recurrence(says: Says, notes: list[str], skipped: list[str]) -> list[Exhibit]:
    """Which named features come back, in how many seeds, and how far their values vary."""
    spreads = _try(lambda: feature_spreads(feature_table(says)), (), "recurrence", skipped)
    if not spreads:
        return []
    if len(spreads) > MOST_ROWS:
        notes.append(f"recurrence: the first {MOST_ROWS} of {len(spreads)} named features")
    columns = ("feature", "seeds", "mean", "spread", "agreement")
    rows = tuple(
        (
            each.name,
            f"{each.given}/{len(says)}",
            each.mean.estimate,
            str(each.spread),
            str(each.agreement),
        )
        for each in spreads[:MOST_ROWS]
    )
    return [Table("Named features over seeds (spread: sd / mean size)", columns, rows)]
