"""What foreign runs say of themselves: circuits, formulas, features, labels, each in its file."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.stability.foreign.side_files import Told, one_a_seed
from analysis.stability.interpretations.foreign import KINDS, interpretations_from
from interpretable_arch.interpretation import Interpretation


def interpretations_told(
    told: Told, seeds: Sequence[str], *, unread: Sequence[str] = ()
) -> tuple[Interpretation | None, ...]:
    """An interpretation a seed, None for one that a file leaves out; () without such files.

    Nothing is read of the seeds in `unread`, which failed. A formula may be its expression alone:
    its inputs are then all names that any seed's such formula uses. Raises ValueError, with file
    and seed, for what is not in the format of `interpretations_from`.
    """
    given = {kind: one_a_seed(told, kind, seeds) for kind in KINDS}
    lists = {kind: items for kind, items in given.items() if items is not None}
    if not lists:
        return ()
    if "formulas" in lists:
        lists["formulas"] = _spelled_out(lists["formulas"])
    return tuple(
        None
        if seed in unread or any(items[n] is None for items in lists.values())
        else _one(told, seed, {kind: items[n] for kind, items in lists.items()})
        for n, seed in enumerate(seeds)
    )


def _one(told: Told, seed: str, said: Mapping[str, Any]) -> Interpretation:
    try:
        return interpretations_from({kind: [item] for kind, item in said.items()})[0]
    except ValueError as error:
        reason = str(error)
        kind = reason.partition("[0]")[0]
        if kind in said:
            place = f"{told.file(kind)}: {kind} of seed {seed!r}"
            reason = f"{place}{reason.removeprefix(f'{kind}[0]')}"
        raise ValueError(reason) from error


def _spelled_out(given: Sequence[Any]) -> list[Any]:
    """Formulas that are text, with their inputs; others as they are."""
    names = {name for item in given if isinstance(item, str) for name in _names(item)}
    inputs = sorted(names)
    return [
        {"expression": item, "inputs": inputs} if isinstance(item, str) else item for item in given
    ]


def _names(expression: str) -> set[str]:
    """Names that an expression uses and does not call; none where it is no expression."""
    try:
        nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError:
        return set()
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    return {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in called}
