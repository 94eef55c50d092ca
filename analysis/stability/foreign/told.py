"""What foreign runs say of themselves: circuits, formulas, features, labels, each in its file."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.stability.foreign.side_files import one_a_seed
from analysis.stability.interpretations.foreign import KINDS, interpretations_from
from interpretable_arch.interpretation import Interpretation


def interpretations_told(
    told: Mapping[str, Any], seeds: Sequence[str]
) -> tuple[Interpretation | None, ...]:
    """An interpretation a seed, None for one that a file leaves out; () without such files.

    Raises ValueError, with the place, for what is not in the format of `interpretations_from`.
    """
    given = {kind: one_a_seed(told, kind, seeds) for kind in KINDS}
    lists = {kind: items for kind, items in given.items() if items is not None}
    if not lists:
        return ()
    whole = [n for n in range(len(seeds)) if all(items[n] is not None for items in lists.values())]
    if not whole:
        return (None,) * len(seeds)
    read = interpretations_from({kind: [items[n] for n in whole] for kind, items in lists.items()})
    found = dict(zip(whole, read, strict=True))
    return tuple(found.get(n) for n in range(len(seeds)))
