"""The operation that a model answers with: which laws it keeps, and where it leaves what was given.

For any model of products of pairs. If the answers are a group's, the given products that agree with
it are the consistent part of the data, and the others are listed. If they are none, the laws that
they break are counted, and the largest part of the answers that is a group is searched for. Beside
it whether the products shown, as relations between letters, present a group of as many elements as
letters: they then fix the table whatever the model. That only so many elements are there may fix it
with fewer (`maths.groups.all_laws`), so that 0 here does not say that it is open.
"""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from analysis.reading.groups.answers import answered, answered_group, given_products, order_of
from interpretable_arch.maths.groups.consistent_part import ConsistentPart, consistent_part
from interpretable_arch.maths.groups.families import name_of
from interpretable_arch.maths.groups.operation import (
    HOLE,
    OperationDefect,
    operation_defect,
    table_of,
)
from interpretable_arch.maths.groups.presentations import determined_table, presented_order
from training.data.task import Task

LISTED = 100
BUDGET = 2000  # closures tried for the largest consistent part


def read_operation(model: nn.Module, task: Task) -> Finding | None:
    """Laws kept and broken, disagreements with what was given, and whether that presents the table.

    None where the task is no table of products.
    """
    order = order_of(task)
    if order is None:
        return None
    table = answered(model, order)
    defect = operation_defect(table)
    given, shown = given_products(task), given_products(task, "shown")
    apart = given[table[given[:, 0], given[:, 1]] != given[:, 2]]
    limit, limit_notes = _information(shown, table)
    kept = shown[table[shown[:, 0], shown[:, 1]] == shown[:, 2]]
    fixed = determined_table(kept, order)
    parts, part_notes = _parts(table, defect, given, task)
    return Finding(
        title="The operation answered with",
        figures={
            "the answers are a group": float(defect.is_group),
            "share of triples not associative": defect.share,
            "given products": float(len(given)),
            "given products contradicted": float(len(apart)),
            **limit,
            "shown products that the answers keep present the table": float(fixed is not None),
            **parts,
        },
        exhibits=(_disagreements(apart, table, task), *_broken_lines(defect, task)),
        notes=(_named(table, task), *defect.sentences(), *limit_notes, *part_notes),
    )


def _named(table: Int[Tensor, "order order"], task: Task) -> str:
    group = answered_group(table, task)
    if group is None:
        return "The answers are no group."
    name = name_of(group)
    if name is None:
        return f"The answers are a group of {group.order} elements, none of the named families."
    return f"The answers are a group, isomorphic to {name}."


def _information(
    shown: Int[Tensor, "product 3"], table: Int[Tensor, "order order"]
) -> tuple[dict[str, float], tuple[str, ...]]:
    found = presented_order(shown, len(table))
    fixed = determined_table(shown, len(table)) if found == len(table) else None
    figures = {
        "shown products present the table": float(fixed is not None),
        "elements of the group that the shown products present": float(found or "nan"),
    }
    if fixed is not None:
        agrees = "which is the answered one" if torch.equal(fixed, table) else "but not as answered"
        note = f"The shown products present a group of {found} elements: one table, {agrees}."
    elif found is None:
        note = "The group that the shown products present is infinite, or was not enumerated."
    else:
        more = ": no group on the letters keeps them all" if found < len(table) else ""
        note = f"The shown products present a group of {found} elements{more}."
    return figures, (note,)


def _parts(
    table: Int[Tensor, "order order"],
    defect: OperationDefect,
    given: Int[Tensor, "product 3"],
    task: Task,
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The largest group inside the answers, and, of an unknown operation, inside what was given."""
    figures, notes = {}, ()
    if not defect.is_group:
        figures, notes = _part("answers", consistent_part(table, BUDGET), task)
    if task.group is None:
        known, against = _known(given, len(table))
        own = operation_defect(known)
        more, told = _part("given products", consistent_part(known, BUDGET), task)
        figures |= more | {
            "given: share of judged triples not associative": own.share,
            "given: products unknown": float(own.holes - against),
            "given: pairs with several products": float(against),
        }
        if against:
            notes += (f"Given products: {against} pairs have several, taken as unknown.",)
        notes += tuple(f"Given products: {text}." for text in own.sentences()) + told
    return figures, notes


def _known(given: Int[Tensor, "product 3"], order: int) -> tuple[Int[Tensor, "order order"], int]:
    """The table of what is given, and how many pairs were given several products: holes in it."""
    table, against = table_of(given, order)
    pairs = torch.unique(given[against][:, :2], dim=0)
    table[pairs[:, 0], pairs[:, 1]] = HOLE
    return table, len(pairs)


def _part(where: str, part: ConsistentPart, task: Task) -> tuple[dict[str, float], tuple[str, ...]]:
    figures = {f"{where}: elements of the largest group inside": float(len(part.elements))}
    shown = ", ".join(task.labels[a] for a in part.elements[:LISTED]) or "none"
    kind = "" if part.group is None else f" ({name_of(part.group) or 'no named group'})"
    sure = "proved largest by search" if part.largest else "the search was cut short"
    return figures, (f"Largest group inside the {where}: {shown}{kind}; {sure}.",)


def _disagreements(
    apart: Int[Tensor, "entry 3"], table: Int[Tensor, "order order"], task: Task
) -> Table:
    title = "Given products that the answers contradict"
    if len(apart) > LISTED:
        title += f", the first {LISTED} of {len(apart)}"
    rows = tuple(
        (task.labels[a], task.labels[b], task.labels[c], task.labels[int(table[a, b])])
        for a, b, c in apart[:LISTED].tolist()
    )
    return Table(title, ("row", "column", "given", "answered"), rows)


def _broken_lines(defect: OperationDefect, task: Task) -> tuple[Table, ...]:
    """Rows and columns that hold an answer twice."""
    rows = [("row", task.labels[i]) for i in defect.repeating_rows]
    rows += [("column", task.labels[i]) for i in defect.repeating_columns]
    if not rows:
        return ()
    return (Table("Lines with an answer twice", ("line", "element"), tuple(rows[:LISTED])),)
