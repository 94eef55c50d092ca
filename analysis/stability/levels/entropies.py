"""The level of entropies that need no classes: predictive, by similarity, and of copies.

Outputs are compared by 1 - JSD / ln 2, averaged over inputs: 1 alike, 0 disjoint. The kernel
ln 2 - JSD is positive semidefinite (Martins et al. 2009, JMLR 10:935), so Vendi is defined.
"""

import math
from functools import partial

from jaxtyping import Float
from torch import Tensor

from analysis.stability.entropies.predictive import predictive_entropies
from analysis.stability.entropies.quotient import ADAM, CLAIMS, not_free, quotient
from analysis.stability.entropies.similarity_sensitive import (
    diversity_interval,
    leinster_cobbold,
    unbiased_order_two,
    vendi,
)
from analysis.stability.estimates.intervals import undefined
from analysis.stability.functional import divergence
from analysis.stability.level import Figure, Level
from analysis.stability.material import Material

Said = tuple[list[Figure], list[str], list[str]]


def measure_entropies(material: Material) -> Level | None:
    """Predictive and similarity-sensitive entropies of outputs, and the quotient of the symmetry.

    None where there are neither outputs nor symmetries, or every seed diverged.
    """
    if not material.kept or (material.outputs is None and not material.symmetries):
        return None
    parts = (_predictive(material), _by_similarity(material), _copies(material))
    return Level(
        "entropies",
        figures=tuple(each for figures, _, _ in parts for each in figures),
        statements=tuple(each for _, statements, _ in parts for each in statements),
        skipped=tuple(each for _, _, skipped in parts for each in skipped),
    )


def output_similarity(
    outputs: Float[Tensor, "seed input output"],
) -> Float[Tensor, "seed seed"]:
    """1 - mean JSD / ln 2 of all pairs, in [0, 1] with a diagonal of ones, PSD."""
    return (1 - divergence(outputs).square() / math.log(2)).clamp(0.0, 1.0)


def _predictive(material: Material) -> Said:
    figures = []
    for where, given in (("", material), (" on the stress set", material.stress)):
        outputs = given.asked_outputs if given is not None and given.kept else None
        if outputs is None:
            continue
        found = predictive_entropies(outputs)
        figures += [
            Figure(f"{name}{where}", value, "nats an input", meaning)
            for name, value, meaning in (
                ("predictive entropy", found.predictive, "of the seeds' mean answer"),
                ("expected entropy", found.expected, "of one seed's answer, mean over seeds"),
                ("entropy of votes", found.votes, "of hard answers over seeds, too low"),
                ("entropy of votes, Miller-Madow", found.votes_miller_madow, "bias mended"),
            )
        ]
    return figures, [], []


def _by_similarity(material: Material) -> Said:
    outputs = material.asked_outputs
    if outputs is None:
        return [], [], ["similarity of outputs: no outputs were given"]
    K = output_similarity(outputs)
    n = len(K)
    if n < 2:
        return [], [], ["similarity of outputs: one seed has nothing to be similar to"]
    figures = [
        Figure(
            "order 2 without own neighbours",
            unbiased_order_two(K),
            "mean K^2 over pairs",
            "what two new seeds share, unbiased",
        )
    ]
    for name, measure in (
        ("Vendi, order 1", partial(vendi, order=1.0)),
        ("Vendi, order 2", partial(vendi, order=2.0)),
        ("Leinster-Cobbold, order 1", partial(leinster_cobbold, order=1.0)),
        ("Leinster-Cobbold, order 2", partial(leinster_cobbold, order=2.0)),
    ):
        found = diversity_interval(measure, K)
        figures.append(Figure(name, found, "seeds", f"effective number, at most {n}"))
    statement = (
        f"{n} models count as {figures[1].value} different ones by similarity of outputs"
        f" (Vendi, order 1, which speaks of {n} seeds and grows with them)"
    )
    return figures, [statement], []


def _copies(material: Material) -> Said:
    """One figure an architecture: bits that copies of one function hold in the parameters."""
    figures, statements, skipped = [], [], []
    if not material.symmetries:
        return [], [], ["copies of one function: no symmetry was given"]
    assumed = "" if material.optimiser else "; optimiser not given, taken as Adam"
    training = CLAIMS.get(material.optimiser.lower()) if material.optimiser else ADAM
    if training is None:
        known = ", ".join(CLAIMS)
        reason = f"what {material.optimiser!r} respects is not known, only of {known}"
        return [], [], [f"copies of one function: {reason}"]
    seen: set[str] = set()
    for seed in material.kept:
        symmetry = material.symmetries[seed]
        if repr(symmetry) in seen:
            continue
        seen.add(repr(symmetry))
        found = quotient(symmetry, training)
        name = material.architectures[seed] if len(material.architectures) > seed else ""
        figures.append(
            Figure(
                f"log |G| {name}".strip(),
                undefined(found.bits, "exact, not an estimate"),
                "bits",
                "of the parameters' entropy that copies of one function hold",
            )
        )
        statements.append(found.statement + assumed)
        if len(material.parameters) > seed:
            fixed = not_free(symmetry, training, material.parameters[seed])
            if fixed:
                where = f"{material.names[seed]}: units alike or zero in {', '.join(fixed)}"
                skipped.append(f"{where}; fewer copies there than |G|")
    return figures, statements, skipped
