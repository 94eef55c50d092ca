"""What a comparison lets one say, in sentences: counts, units, intervals and what is unresolved."""

from analysis.stability.nulls import UNTRAINED, PairMeasure
from analysis.stability.result import Stability


def statements(found: Stability, identical: bool = False) -> tuple[str, ...]:
    """The sentences of one result; measures that are missing have none.

    `identical`: all seeds gave the same outputs to the last bit.
    """
    candidates = (
        _seeds(found),
        identical and _identical(found),
        found.by_output and f"By output: {found.by_output.statement}.",
        found.by_output_with_diverged
        and f"By output, with diverged seeds: {found.by_output_with_diverged.statement}.",
        found.by_interpretation and f"By interpretation: {found.by_interpretation.statement}.",
        found.by_interpretation_with_diverged
        and f"By interpretation, with diverged seeds: "
        f"{found.by_interpretation_with_diverged.statement}.",
        _disagreement(found),
        *(_null(each) for each in (found.disagreement, found.divergence, found.cka) if each),
        *_without_width(found),
    )
    return tuple(sentence for sentence in candidates if sentence)


def _seeds(found: Stability) -> str:
    seeds = f"{found.seeds} seed{'s' if found.seeds > 1 else ''}"
    if not found.kept:
        return f"{seeds}, all diverged: there is nothing to compare."
    lost = f", {len(found.diverged)} of which diverged" if found.diverged else ""
    return f"{seeds}{lost}; intervals are for new seeds on the same {found.inputs} inputs."


def _identical(found: Stability) -> str:
    return (
        f"All {len(found.kept)} outputs are the same to the last bit. Where the procedure draws"
        " nothing, its entropy is zero by construction, which says nothing of how many other"
        " optima there are; where its starts are random, they all came to one point."
    )


def _disagreement(found: Stability) -> str | None:
    if found.disagreement is None or len(found.kept) < 2:
        return None
    sentence = f"Two seeds predict differently on a share {found.disagreement.raw} of the inputs"
    if found.errors is None:
        return f"{sentence}."
    expected = f"independent errors would give {found.errors.independent.estimate:.3g}"
    return f"{sentence}; at error rate {found.errors.error}, {expected}."


def _null(measure: PairMeasure) -> str | None:
    """A measure beside its null; a similarity also as a share of the way between."""
    untrained = measure.rung(UNTRAINED)
    if untrained is None or len(measure.seeds) < 2:
        return None
    raw = f"{measure.name} {measure.raw.estimate:.3g}, untrained {untrained.null.estimate:.3g}"
    if untrained.above is None:
        return f"{raw}."
    if not untrained.above.defined:
        return f"{raw}: {untrained.above.method}."
    return f"{raw}: {untrained.above} of the way from untrained to all seeds the same."


def _without_width(found: Stability) -> list[str]:
    """Equal pairs have no spread; alike the seeds are only where each pair is at the best value."""
    pairs = (found.disagreement, found.divergence, found.cka)
    flat = [each for each in pairs if each and each.raw.degenerate]
    alike = [each.name for each in flat if each.raw.estimate == each.best]
    apart = [each.name for each in flat if each.raw.estimate != each.best]
    said = []
    if alike:
        said.append(
            f"The interval of {' and '.join(alike)} has no width because all seeds are alike there:"
            " see the bound on the largest class for what that excludes."
        )
    if apart:
        said.append(
            f"The interval of {' and '.join(apart)} has no width because all pairs of seeds differ"
            " by the same amount, which proves little."
        )
    return said
