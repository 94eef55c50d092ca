"""The whole table that a model answers, and the products that its task gives, right or wrong."""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from interpretable_arch.maths.groups.finite_groups import FiniteGroup, from_table
from training.data.task import Split, Task

PIECE = 4096  # pairs answered at once


def order_of(task: Task) -> int | None:
    """The number of elements, where the task asks for products of pairs of elements."""
    order = task.dimensions.get("order")
    pairs = isinstance(task.train, Split) and task.train.inputs.shape[1:] == (2,)
    return int(order) if pairs and order is not None and task.outputs == order else None


def answered(model: nn.Module, order: int) -> Int[Tensor, "order order"]:
    """The model's answer to every pair, on the CPU."""
    device = next(model.parameters()).device
    elements = torch.arange(order)
    pairs = torch.cartesian_prod(elements, elements).split(PIECE)
    found = [model(piece.to(device)).argmax(-1).cpu() for piece in pairs]
    return torch.cat(found).view(order, order)


def answered_group(table: Int[Tensor, "order order"], task: Task) -> FiniteGroup | None:
    """The group of the answers, with the task's labels; None where they are no group's."""
    if task.group is not None and torch.equal(task.group.table, table):
        return task.group
    try:
        return from_table(table, "learned", task.labels)
    except ValueError:
        return None


def given_products(task: Task, part: str = "all") -> Int[Tensor, "product 3"]:
    """Rows (a, b, c) of the products shown ("shown") or known, held-out ones too ("all")."""
    shown = [task.train] if part == "shown" else [task.train, task.held_out]
    rows = [torch.cat([s.inputs, s.targets[:, None]], dim=1) for s in shown if isinstance(s, Split)]
    return torch.unique(torch.cat(rows).cpu(), dim=0)
