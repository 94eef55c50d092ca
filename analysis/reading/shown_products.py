"""Which of the products that a model was shown does it take for wrong?

On a task of a finite group whose shown part holds wrong entries: those are listed where the model's
own answer is another than what it was shown, beside the truth. Precision is the share of the listed
entries that are wrong, recall the share of the wrong entries that are listed, both in [0, 1]; the
table is recovered when every product of it is answered rightly, shown or not.
"""

import torch
from jaxtyping import Int
from torch import Tensor, nn

from analysis.exhibits import Table
from analysis.reading.finding import Finding
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from training.data.task import Split, Task

PIECE = 512  # pairs answered at once
LISTED = 100


def read_shown_products(model: nn.Module, task: Task) -> Finding | None:
    """The entries that the model contradicts; None off group tasks or where none shown is wrong."""
    if task.group is None or not isinstance(task.train, Split):
        return None
    pairs, shown = task.train.inputs.cpu(), task.train.targets.cpu()
    true = task.group.table[pairs[:, 0], pairs[:, 1]]
    wrong = shown != true
    if not bool(wrong.any()):
        return None
    answers = _answers(model, pairs)
    named = answers != shown
    elements = torch.arange(task.group.order)
    recovered = _answers(model, torch.cartesian_prod(elements, elements)) == task.group.table.view(
        -1
    )
    both = float((named & wrong).sum())
    figures = {
        "wrong products shown": float(wrong.sum()),
        "shown products contradicted": float(named.sum()),
        "precision": both / float(named.sum()) if bool(named.any()) else float("nan"),
        "recall": both / float(wrong.sum()),
        "share of the whole table right": float(recovered.double().mean()),
        "whole table recovered": float(recovered.all()),
    }
    columns = [pairs[named], shown[named, None], answers[named, None], true[named, None]]
    listed = _table(torch.cat(columns, 1), task.group)
    notes = ("An entry is contradicted where the model's own answer differs from what was shown.",)
    return Finding("Wrong products among those shown", figures, (listed,), notes)


def _answers(model: nn.Module, pairs: Int[Tensor, "example 2"]) -> Int[Tensor, " example"]:
    device = next(model.parameters()).device
    found = [model(piece.to(device)).argmax(-1) for piece in pairs.split(PIECE)]
    return torch.cat(found).cpu()


def _table(entries: Int[Tensor, "entry 5"], group: FiniteGroup) -> Table:
    title = "Contradicted entries"
    if len(entries) > LISTED:
        title += f", the first {LISTED} of {len(entries)}"
    rows = tuple(tuple(group.labels[i] for i in row) for row in entries[:LISTED].tolist())
    return Table(title, ("a", "b", "shown as ab", "the model's ab", "true ab"), rows)
