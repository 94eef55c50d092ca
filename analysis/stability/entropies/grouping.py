"""The solution classes of a study, without the seeds that diverged and with them as a class."""

from collections.abc import Sequence

from analysis.stability.entropies.classes import DIVERGED, UNREAD, Linkage, number_classes
from analysis.stability.entropies.solutions import Solutions, solutions

Twice = tuple[Solutions | None, Solutions | None]


def by_output(linkage: Linkage | None, threshold: float, diverged: Sequence[bool]) -> Twice:
    """Classes by complete linkage on the distances of the seeds that trained.

    `linkage` is None where none trained. The second result is None where no seed diverged, the
    first where all did.
    """
    basis = f"outputs, complete linkage at {threshold:.4g} sqrt(nats)"
    if linkage is None:
        return None, _with_diverged([], [], diverged, basis)
    labels = _names(linkage.classes(threshold))
    left_out = [
        _names(linkage.classes_without(place, threshold)) for place in range(len(linkage.without))
    ]
    alone = solutions(labels, left_out, basis=basis)
    return alone, _with_diverged(labels, left_out, diverged, basis)


def by_interpretation(labels: Sequence[str], diverged: Sequence[bool]) -> Twice:
    """Classes by the label that each model gives of itself; a diverged seed's label is not read.

    A seed that could not be read (`UNREAD`) is missing, not different: it is left out, and where
    none could be read there are no classes.

    Raises ValueError unless there is one label a seed, and none says "diverged" of a seed that is
    not.
    """
    if len(labels) != len(diverged):
        wanted, got = len(diverged), len(labels)
        raise ValueError(f"interpretation_labels: wanted one label a seed, {wanted}, got {got}")
    given = [str(label) for label, flag in zip(labels, diverged, strict=True) if not flag]
    if DIVERGED in given:
        raise ValueError(f"interpretation_labels: {DIVERGED!r} is kept for seeds that diverged")
    kept = [label for label in given if not label.startswith(UNREAD)]
    unread = len(given) - len(kept)
    if not kept:
        return None, None
    basis = "interpretation"
    if unread:
        basis += f", of the {len(kept)} of {len(given)} seeds that could be read"
    left_out = [kept[:place] + kept[place + 1 :] for place in range(len(kept))]
    flags = [*[False] * len(kept), *[True] * sum(diverged)] if unread else diverged
    found = solutions(kept, left_out, basis=basis), _with_diverged(kept, left_out, flags, basis)
    return found[0], found[1]


def _with_diverged(
    labels: list[str], left_out: list[list[str]], diverged: Sequence[bool], basis: str
) -> Solutions | None:
    """The same classes, and one more for the seeds that diverged, in the order of all seeds."""
    lost = sum(diverged)
    if not lost:
        return None
    each_left_out = iter(left_out if len(labels) > 1 else [[]])
    remaining = iter(labels)
    everyone = [DIVERGED if flag else next(remaining) for flag in diverged]
    without = [
        [*labels, *[DIVERGED] * (lost - 1)] if flag else [*next(each_left_out), *[DIVERGED] * lost]
        for flag in diverged
    ]
    return solutions(everyone, without, basis=f"{basis}; diverged seeds as one class")


def _names(classes: list[int]) -> list[str]:
    return [f"class {number + 1}" for number in number_classes(classes).tolist()]
