"""Which seeds' weights can be compared: of one architecture, one shape, finite, few enough."""

from dataclasses import dataclass

from analysis.stability.material import Material
from interpretable_arch.alignment.objective import widened
from interpretable_arch.symmetry import Parameters, Symmetry

MOST_NUMBERS = 7_000_000  # parameters times pairs that are aligned
MOST_PAIRS = 28  # of any size: 8 seeds


@dataclass(frozen=True)
class Comparable:
    """Seeds of one architecture and one shape, by number, with why others are not among them.

    `skipped` are those that can't be, `notes` those that are not for time.
    """

    seeds: tuple[int, ...]
    parameters: tuple[Parameters, ...]
    symmetry: Symmetry
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def comparable(material: Material) -> Comparable | None:
    """The largest set of kept seeds of one architecture, one shape and finite weights, cut to what
    can be aligned in time."""
    skipped, kinds = [], {}
    for seed in material.kept:
        values = material.parameters[seed]
        if not all(bool(v.isfinite().all()) for v in values.values()):
            skipped.append(f"weights: {material.names[seed]} has weights that are not finite")
            continue
        kinds.setdefault(_kind(material, seed), []).append(seed)
    if not kinds:
        return None
    seeds = max(kinds.values(), key=len)
    others = [material.names[s] for kind in kinds.values() if kind is not seeds for s in kind]
    if others:
        skipped.append(
            f"weights: {', '.join(others)} have other tensors or shapes than "
            f"{material.names[seeds[0]]}"
        )
    count = sum(v.numel() for v in material.parameters[seeds[0]].values())
    most = _seeds_within(min(MOST_PAIRS, MOST_NUMBERS // max(count, 1)))
    cut = f"weights: the first {most} of {len(seeds)} seeds alone are aligned, for time"
    kept = tuple(seeds[:most])
    return Comparable(
        kept,
        tuple(widened(material.parameters[s]) for s in kept),
        material.symmetries[kept[0]],
        tuple(skipped),
        (cut,) if len(seeds) > most else (),
    )


def _kind(material: Material, seed: int) -> tuple[object, ...]:
    named = material.architectures[seed] if material.architectures else ""
    return named, *sorted((n, tuple(v.shape)) for n, v in material.parameters[seed].items())


def _seeds_within(pairs: int) -> int:
    """The most seeds, at least two, that have no more than so many pairs."""
    return max(2, int((1 + (1 + 8 * pairs) ** 0.5) / 2))
