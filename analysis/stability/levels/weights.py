"""The level of weights: how far seeds are apart once what changes nothing is taken away, whether
the loss has a barrier between them, and whether alignment can be believed for this architecture."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analysis.exhibits import Lines
from analysis.stability.estimates.intervals import Interval, mean_interval, undefined
from analysis.stability.level import Figure, Level
from analysis.stability.material import Material
from analysis.stability.nulls import SHUFFLED, UNTRAINED, PairMeasure, pair_measure
from analysis.stability.weights.barrier import Line, line
from analysis.stability.weights.barycentre import Barycentre, barycentre
from analysis.stability.weights.comparable import Comparable, comparable
from analysis.stability.weights.distances import quotient_distances, raw_distances
from analysis.stability.weights.evaluation import Evaluation
from analysis.stability.weights.planted import planted_recovery
from interpretable_arch.alignment.descent import align
from interpretable_arch.symmetry import Parameters, Symmetry

FEW, SOME, WORTH = 5, 5, 1e-3
TRUSTED, BLUR, TRIALS = 0.95, 0.1, 10
Found = tuple[list[Figure], list[str]]


def measure_weights(material: Material) -> Level | None:
    """Quotient distances, planted recovery, barycentre and barriers; None without weights.

    Beyond so many parameters times pairs (`weights.comparable`) the first seeds alone are aligned,
    which `notes` say. Barriers are of at most five pairs that share no seed.
    """
    if not material.parameters or not material.symmetries:
        reason = material.absent.get("weights")
        return None if reason is None else Level("weights", skipped=(f"weights: {reason}",))
    found = comparable(material)
    if found is None:
        return Level("weights", skipped=("weights: no seed with finite weights",))
    if len(found.seeds) < 2:
        return Level("weights", skipped=(*found.skipped, "weights: one seed, no pair to compare"))
    generator = torch.Generator().manual_seed(0)
    middle = _middle(found.parameters, found.symmetry)
    measures = _measures(material, found, middle)
    trust, doubts = _trust(found, generator)
    between, exhibits, skipped = _between(material.evaluation, found, middle)
    figures = [_spread(middle), *trust, *between]
    return Level(
        "weights",
        measures=measures,
        figures=tuple(figures),
        exhibits=exhibits,
        statements=(*_statements(measures, figures), *doubts),
        notes=(*found.notes, *_few_lines(material.evaluation, found)),
        skipped=(*found.skipped, *skipped),
    )


def _few_lines(evaluation: Evaluation | None, found: Comparable) -> tuple[str, ...]:
    """Of how many lines barriers are, where not of all."""
    count = len(found.seeds) // 2
    if evaluation is None or count <= FEW:
        return ()
    return (f"loss barriers: {FEW} pairs of different seeds of {count}, for time",)


def _measures(material: Material, found: Comparable, middle: Barycentre) -> tuple[PairMeasure, ...]:
    quotient = quotient_distances(
        found.parameters, found.symmetry, carried=middle.elements, worth=WORTH
    )
    given = {UNTRAINED: material.untrained, SHUFFLED: material.shuffled}
    nulls = {name: _few(null) for name, null in given.items() if null is not None}
    nulls = {name: values for name, values in nulls.items() if len(values) >= 2}
    aligned = {
        name: quotient_distances(
            values,
            found.symmetry,
            carried=_middle(values, found.symmetry).elements,
            worth=WORTH,
        )
        for name, values in nulls.items()
    }
    asked: tuple[tuple[str, Float[Tensor, "seed seed"], dict[str, Tensor]], ...] = (
        ("quotient distance", quotient, aligned),
        (
            "raw distance",
            raw_distances(found.parameters),
            {n: raw_distances(v) for n, v in nulls.items()},
        ),
    )
    return tuple(
        pair_measure(
            name,
            "share of the size of the weights",
            best=0.0,
            seeds=found.seeds,
            matrix=matrix,
            nulls=rungs,
            limits=(0.0, float("inf")),
        )
        for name, matrix, rungs in asked
    )


def _middle(parameters: Sequence[Parameters], symmetry: Symmetry) -> Barycentre:
    """Seeds and nulls alike: from the declared fits, which in trained models lead no further off
    than other starts do, and once round."""
    return barycentre(parameters, symmetry, rounds=1, restarts=0, worth=WORTH, exact=math.inf)


def _few(null: Material) -> tuple[Parameters, ...]:
    """The first seeds of a null that can be compared."""
    found = comparable(null) if null.parameters and null.symmetries else None
    return () if found is None else found.parameters[:SOME]


def _spread(middle: Barycentre) -> Figure:
    distances = torch.tensor(middle.distances, dtype=torch.float64)
    return Figure(
        "distance from the barycentre",
        mean_interval(distances).clipped(0.0, float("inf")),
        "share of its size",
        "mean over seeds, each carried to the mean of the others",
    )


def _trust(found: Comparable, generator: torch.Generator) -> Found:
    """The planted-recovery scores, and a sentence that says what they allow."""
    figures, doubts = [], []
    for name, noise, what in (
        ("planted elements recovered", 0.0, "copies carried off by the symmetry"),
        ("blurred planted elements recovered", BLUR, f"copies with noise of {BLUR:.0%} besides"),
    ):
        score = planted_recovery(
            found.symmetry,
            lambda trial: found.parameters[trial % len(found.parameters)],
            trials=TRIALS,
            generator=generator,
            noise=noise,
            restarts=0,
        )
        figures.append(Figure(name, score, "share", what))
        if score.estimate < TRUSTED:
            doubts.append(
                f"alignment recovers {score.estimate:.0%} of {name.removesuffix(' recovered')}: "
                "failed alignment looks like diversity, so distances and barriers are upper bounds"
            )
    return figures, doubts


def _between(
    evaluation: Evaluation | None, found: Comparable, middle: Barycentre
) -> tuple[list[Figure], tuple[Lines, ...], tuple[str, ...]]:
    """Barriers on lines between seeds, and the loss of the merged model."""
    if evaluation is None:
        return [], (), ("loss barriers: no way to evaluate weights was given",)
    count = len(found.seeds) // 2
    pairs = [(2 * n, 2 * n + 1) for n in range(min(count, FEW))]
    skipped = []
    if evaluation.repair is None:
        skipped.append(
            "repaired barrier: the architecture has no hidden units that are linear before their "
            "activation, of which statistics could be set"
        )
    lines = [_line(evaluation, found, middle, *pair) for pair in pairs]
    figures = [_barrier(name, lines) for name in lines[0].barriers()]
    losses = torch.tensor([evaluation.loss(p) for p in found.parameters], dtype=torch.float64)
    merged = evaluation.loss(middle.merged)
    figures += [
        Figure("loss of seeds", mean_interval(losses), "nats", "mean over seeds"),
        Figure(
            "loss of the merged model",
            undefined(merged, "one merged model"),
            "nats",
            "mean of the carried weights",
        ),
    ]
    return figures, (_drawn(lines),), tuple(skipped)


def _line(evaluation: Evaluation, found: Comparable, middle: Barycentre, i: int, j: int) -> Line:
    symmetry = found.symmetry
    through = (*middle.elements[i], *symmetry.inverse(middle.elements[j]))
    start, end = found.parameters[i], found.parameters[j]
    aligned = align(start, end, symmetry, starts=[("through the middle", through)], worth=WORTH)
    return line(start, end, aligned.element, symmetry, evaluation)


def _barrier(name: str, lines: Sequence[Line]) -> Figure:
    heights = torch.tensor([each.barriers()[name] for each in lines], dtype=torch.float64)
    meaning = {
        "raw": "as the models are",
        "aligned": "one carried nearest the other",
        "repaired": "aligned, statistics of hidden units set right",
        "temperature": "raw, logits at their best temperature",
    }[name]
    if len(lines) == 1:
        value = undefined(float(heights), "one pair of seeds")
    else:  # pairs share no seed, so they are independent
        value = mean_interval(heights).clipped(0.0, float("inf"))
    return Figure(f"loss barrier, {name}", value, "nats", meaning)


def _drawn(lines: Sequence[Line]) -> Lines:
    ways = {n: [getattr(each, n) for each in lines] for n in lines[0].barriers()}
    mean = {n: tuple(torch.tensor(v).double().mean(0).tolist()) for n, v in ways.items()}
    return Lines(
        "Loss on the straight line between two seeds, mean over pairs",
        lines[0].shares,
        mean,
        "share of the second seed",
        "loss (nats)",
    )


def _statements(measures: Sequence[PairMeasure], figures: Sequence[Figure]) -> list[str]:
    quotient, raw = (m.raw for m in measures)
    said = [
        f"weights of two seeds are {quotient} of their size apart after alignment, "
        f"{raw.estimate:.3g} before"
    ]
    untrained = measures[0].rung(UNTRAINED)
    if untrained is not None:
        said[0] += f"; untrained ones {untrained.null.estimate:.3g} after"
    value = {f.name: f.value for f in figures}
    barriers = {n: v for n, v in value.items() if n.startswith("loss barrier")}
    if barriers:
        parts = [
            f"{n.removeprefix('loss barrier, ')} {v.estimate:.3g}" for n, v in barriers.items()
        ]
        said.append(f"loss barrier between two seeds (nats): {', '.join(parts)}")
        said.append(_merged(value))
    return said


def _merged(value: dict[str, Interval]) -> str:
    merged, seeds = value["loss of the merged model"], value["loss of seeds"]
    return (
        f"the mean of all aligned weights has a loss of {merged.estimate:.4g} nats, "
        f"the seeds {seeds.estimate:.4g}"
    )
