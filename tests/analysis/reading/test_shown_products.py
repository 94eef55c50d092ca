"""Wrong products listed: on a planted answer by hand, and nothing said where none is wrong."""

import torch
from torch import nn

from analysis.reading.shown_products import read_shown_products
from interpretable_arch.registry import build
from training.data import build_task


class Answers(nn.Module):
    """A fixed table of answers."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(nn.functional.one_hot(table).double())

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        return self.logits[pairs[:, 0], pairs[:, 1]]


TASK = build_task("groups", {"group": "S3", "share": 0.75, "wrong": 0.2})


def test_the_true_table_contradicts_exactly_the_wrong_entries():
    found = read_shown_products(Answers(TASK.group.table), TASK)
    assert found.figures == {
        "wrong products shown": 5.0,
        "shown products contradicted": 5.0,
        "precision": 1.0,
        "recall": 1.0,
        "share of the whole table right": 1.0,
        "whole table recovered": 1.0,
    }
    rows = found.exhibits[0].rows
    assert len(rows) == 5
    assert all(model == true != shown for _, _, shown, model, true in rows)


def test_one_mistake_and_one_wrong_entry_believed_by_hand():
    wrong = TASK.train.targets != TASK.group.table[TASK.train.inputs[:, 0], TASK.train.inputs[:, 1]]
    believed, mistaken = int(wrong.nonzero()[0]), int((~wrong).nonzero()[0])
    table = TASK.group.table.clone()
    for example in (believed, mistaken):
        a, b = TASK.train.inputs[example].tolist()
        shown = int(TASK.train.targets[example])
        table[a, b] = shown if example == believed else (shown + 1) % 6
    figures = read_shown_products(Answers(table), TASK).figures
    assert figures["precision"] == figures["recall"] == 4 / 5
    assert figures["share of the whole table right"] == 34 / 36
    assert figures["whole table recovered"] == 0.0


def test_nothing_to_say_where_nothing_shown_is_wrong():
    task = build_task("groups", {"group": "S3", "share": 0.75})
    assert read_shown_products(Answers(task.group.table), task) is None
    other = build_task("modular", {"modulus": 5})
    if other.group is None:
        assert read_shown_products(Answers(torch.zeros(5, 5, dtype=torch.long)), other) is None


def test_trained_tokens_list_the_wrong_products_of_the_alternating_group():
    """A4 from 70% of its table, a tenth of it wrong: the true table, and the ten entries named."""
    task = build_task("groups", {"group": "A4", "share": 0.7, "wrong": 0.1})
    torch.manual_seed(0)
    model = build("group_orthogonal", {}, task.dimensions)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03, betas=(0.9, 0.99))
    for step in range(250):
        optimizer.param_groups[0]["lr"] = 0.03 * min(1.0, 2 - step / 125 + 1e-3)
        optimizer.zero_grad()
        model.loss(task.train.inputs, task.train.targets).backward()
        optimizer.step()
        with torch.no_grad():
            model.tokens.copy_(model.constrain({"tokens": model.tokens})["tokens"])
    figures = read_shown_products(model, task).figures
    assert figures["wrong products shown"] == 10.0
    assert figures["precision"] == figures["recall"] == figures["whole table recovered"] == 1.0
