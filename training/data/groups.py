"""Products in a finite group: from the pair (a, b), name the element ab.

Part of the multiplication table is shown, the rest is held out (Power et al. 2022, arXiv
2201.02177; Chughtai, Chan & Nanda 2023, arXiv 2302.03025). The table itself is the ground truth.
"""

import torch

from interpretable_arch.maths.groups import finite_groups
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from training.data.task import Task, split_examples


def groups(
    group: str | None = None,
    share: float = 0.8,
    split_seed: int = 0,
    table: list[list[int]] | None = None,
    generators: list[list[int]] | None = None,
) -> Task:
    """All pairs of elements of a group with their products.

    The group is given by name ("S4", "Z12", "D5", "Q8", ...), by its Cayley `table` of element
    numbers, or by `generators`, each a permutation as a list of images of 0..n-1; with these two,
    `group` only names it. `share` of the pairs are trained on. Raises ValueError for what is no
    group, and for a share that leaves nothing to train or test on.
    """
    found = _find(group, table, generators)
    order = len(found.labels)
    pairs = torch.cartesian_prod(torch.arange(order), torch.arange(order))
    products = torch.as_tensor(found.table, dtype=torch.long)[pairs[:, 0], pairs[:, 1]]
    train, held_out = split_examples(pairs, products, share, split_seed)
    return Task(
        name=f"products in {found.name}, {share:.3g} of the table",
        train=train,
        held_out=held_out,
        outputs=order,
        labels=tuple(found.labels),
        dimensions={"order": order, "outputs": order},
        group=found,
    )


def _find(
    group: str | None, table: list[list[int]] | None, generators: list[list[int]] | None
) -> FiniteGroup:
    if table is not None and generators is not None:
        raise ValueError("table and generators: wants one of them, got both")
    if table is not None:
        return finite_groups.from_table(table, name=group or "table")
    if generators is not None:
        return finite_groups.from_generators(generators, name=group or "generated")
    if group is None:
        raise ValueError("group: wants a name, a table or generators, got none of them")
    return finite_groups.parse(group)
