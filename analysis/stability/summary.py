"""K trained models -> how much they differ: the measures of one study in one frozen result.

Intervals are leave-one-seed-out jackknife-t at 95%, for new seeds on the same inputs; each carries
its method. Distances and divergences are in nats and natural logarithms, class entropies in bits.
Seeds that diverged are left out of every measure that needs outputs, and counted as one class of
their own in the solution classes "with diverged".
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from jaxtyping import Float, Int
from torch import Tensor

from analysis.stability import functional
from analysis.stability.entropies.classes import leaf_order, link
from analysis.stability.entropies.curve import entropy_curve
from analysis.stability.entropies.grouping import by_interpretation, by_output
from analysis.stability.estimates.intervals import Interval, mean_interval, pair_interval
from analysis.stability.nulls import UNTRAINED, PairMeasure, pair_measure
from analysis.stability.probe import Probe, make_probe
from analysis.stability.representations import cka as representation
from analysis.stability.result import ErrorReference, Stability
from analysis.stability.statements import statements


def stability(
    outputs: Float[Tensor, "seed *input output"],
    *,
    targets: Int[Tensor, "..."] | None = None,
    representations: Float[Tensor, "..."] | None = None,
    untrained_outputs: Float[Tensor, "..."] | None = None,
    untrained_representations: Float[Tensor, "..."] | None = None,
    interpretation_labels: Sequence[str] | None = None,
    diverged: Sequence[bool] | None = None,
    threshold: float = 0.1,
) -> Stability:
    """Measure how much K models differ on the same inputs, from their logits.

    outputs                    logits; several input axes (example, position) count as one
    targets                    right answers, one an input; -100 takes the input out of all but
                               the representations
    representations            seed x input x feature; the inputs need not be those of the outputs
    untrained_...              the same seeds before their first step, in the same shapes: the null
    interpretation_labels      what each model calls its solution, one a seed
    diverged                   one flag a seed; what such a seed holds is never read
    threshold                  largest root-mean-square sqrt(JSD) in a solution class, sqrt(nats)

    Raises ValueError where shapes don't fit, where an unflagged seed holds numbers that are not
    finite, and for a threshold outside [0, sqrt ln 2], past which every pair is in one class.
    """
    largest = functional.LARGEST_DIVERGENCE
    if not 0 <= threshold <= largest:
        raise ValueError(f"threshold: wanted 0 to {largest:.4f}, got {threshold}")
    probe = make_probe(
        outputs,
        targets=targets,
        representations=representations,
        untrained_outputs=untrained_outputs,
        untrained_representations=untrained_representations,
        diverged=diverged,
    )
    distances = functional.divergence(probe.outputs) if probe.kept else None
    linkage = None if distances is None else link(distances)
    order = () if distances is None else leaf_order(distances)
    disagreement, errors = _disagreement(probe) if probe.kept else (None, None)
    cka, biased_cka = _cka(probe)
    outputs_alone, outputs_with_diverged = by_output(linkage, threshold, probe.diverged)
    labels_alone, labels_with_diverged = (
        (None, None)
        if interpretation_labels is None
        else by_interpretation(interpretation_labels, probe.diverged)
    )
    found = Stability(
        seeds=len(probe.diverged),
        diverged=tuple(seed for seed, flag in enumerate(probe.diverged) if flag),
        kept=probe.kept,
        order=tuple(probe.kept[place] for place in order),
        inputs=probe.outputs.shape[1],
        threshold=float(threshold),
        disagreement=disagreement,
        errors=errors,
        divergence=None if distances is None else _divergence(distances, probe),
        ensemble_information=_ensemble_information(probe),
        cka=cka,
        biased_cka=biased_cka,
        by_output=outputs_alone,
        by_output_with_diverged=outputs_with_diverged,
        by_interpretation=labels_alone,
        by_interpretation_with_diverged=labels_with_diverged,
        curve=() if linkage is None else entropy_curve(linkage),
        statements=(),
    )
    identical = len(probe.kept) > 1 and bool((probe.outputs == probe.outputs[0]).all())
    return replace(found, statements=statements(found, identical))


def _disagreement(probe: Probe) -> tuple[PairMeasure, ErrorReference | None]:
    null = probe.untrained_outputs
    found = functional.disagreement(probe.outputs, probe.targets)
    measure = pair_measure(
        "disagreement",
        "share of inputs",
        best=0.0,
        seeds=probe.kept,
        matrix=found.pairs,
        nulls=None if null is None else {UNTRAINED: functional.disagreement(null).pairs},
        limits=(0.0, 1.0),
    )
    if found.errors is None:
        return measure, None
    return measure, ErrorReference(
        tuple(found.errors.tolist()),
        mean_interval(found.errors).clipped(0.0, 1.0),
        *(pair_interval(each).clipped(0.0, 1.0) for each in found.references),
    )


def _divergence(distances: Float[Tensor, "kept kept"], probe: Probe) -> PairMeasure:
    null = probe.untrained_outputs
    return pair_measure(
        "divergence",
        "sqrt(nats)",
        best=0.0,
        seeds=probe.kept,
        matrix=distances,
        nulls=None if null is None else {UNTRAINED: functional.divergence(null)},
        limits=(0.0, functional.LARGEST_DIVERGENCE),
    )


def _ensemble_information(probe: Probe) -> Interval | None:
    if not probe.kept:
        return None
    most = math.log(len(probe.kept))
    return functional.ensemble_information(probe.outputs).clipped(0.0, most)


def _cka(probe: Probe) -> tuple[PairMeasure | None, Interval | None]:
    """CKA of the seeds whose representation varies; the null only where all of theirs vary too."""
    if probe.representations is None or not probe.kept:
        return None, None
    constant = set(representation.constant_seeds(probe.representations))
    varied = [place for place in range(len(probe.kept)) if place not in constant]
    if not varied:
        return None, None
    trained = probe.representations[varied]
    untrained = probe.untrained_representations
    untrained = None if untrained is None else untrained[varied]
    if untrained is not None and representation.constant_seeds(untrained):
        untrained = None
    measure = pair_measure(
        "debiased linear CKA",
        "similarity",
        best=1.0,
        seeds=tuple(probe.kept[place] for place in varied),
        matrix=representation.cka(trained),
        nulls=None if untrained is None else {UNTRAINED: representation.cka(untrained)},
        limits=(-1.0, 1.0),
    )
    biased = pair_interval(representation.cka(trained, debiased=False)).clipped(0.0, 1.0)
    return measure, biased
