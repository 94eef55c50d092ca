"""Products in a finite group: from the pair (a, b), name the element ab.

Part of the multiplication table is shown, the rest is held out (Power et al. 2022, arXiv
2201.02177; Chughtai, Chan & Nanda 2023, arXiv 2302.03025). The table itself is the ground truth.
Some of the shown products may be wrong ones; what is held out is always true.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from interpretable_arch.maths.groups import finite_groups
from interpretable_arch.maths.groups.determinants import settled_determinants
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from training.data.task import Split, Task, split_examples


def groups(
    group: str | None = None,
    share: float = 0.8,
    split_seed: int = 0,
    table: list[list[int]] | None = None,
    generators: list[list[int]] | None = None,
    wrong: float = 0.0,
    wrong_seed: int = 0,
) -> Task:
    """All pairs of elements of a group with their products.

    The group is given by name ("S4", "Z12", "D5", "Q8", ...), by its Cayley `table` of element
    numbers, or by `generators`, each a permutation as a list of images of 0..n-1; with these two,
    `group` only names it. `share` of the pairs are trained on; of these, the share `wrong`, drawn
    by `wrong_seed`, shows another element than the product. `dimensions` hold the determinants
    that the shown products settle (all +1 where they leave several open). Raises ValueError for
    what is no group, for a share that leaves nothing to train or test on, and for a `wrong`
    outside 0 to 1.
    """
    if isinstance(wrong, bool) or not isinstance(wrong, (int, float)) or not 0 <= wrong <= 1:
        raise ValueError(f"wrong: wants a number between 0 and 1, got {wrong!r}")
    found = _find(group, table, generators)
    order = len(found.labels)
    pairs = torch.cartesian_prod(torch.arange(order), torch.arange(order))
    products = torch.as_tensor(found.table, dtype=torch.long)[pairs[:, 0], pairs[:, 1]]
    train, held_out = split_examples(pairs, products, share, split_seed)
    if wrong:
        train = Split(train.inputs, _spoilt(train.targets, order, wrong, wrong_seed))
    true = found.table[train.inputs[:, 0], train.inputs[:, 1]]
    spoilt = int((train.targets != true).sum())
    name = f"products in {found.name}, {share:.3g} of the table"
    return Task(
        name=name + (f", {spoilt} of {len(train)} wrong" if wrong else ""),
        train=train,
        held_out=held_out,
        outputs=order,
        labels=tuple(found.labels),
        dimensions={
            "order": order,
            "outputs": order,
            "determinants": settled_determinants(train.inputs, train.targets, order),
        },
        group=found,
    )


def _spoilt(
    products: Int[Tensor, " example"], order: int, wrong: float, seed: int
) -> Int[Tensor, " example"]:
    """The products, round(wrong * count) of them moved to another element, all equally likely."""
    if order < 2:
        raise ValueError(f"wrong: wants a group of 2 elements or more, got {order}")
    generator = torch.Generator().manual_seed(seed)
    count = round(wrong * len(products))
    chosen = torch.randperm(len(products), generator=generator)[:count]
    moved = products.clone()
    moved[chosen] += torch.randint(1, order, (count,), generator=generator)
    return moved % order


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
