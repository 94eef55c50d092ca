"""Tasks by short name or dotted path."""

import sys
from types import ModuleType

import pytest
import torch

from training.data import TASKS, Split, Task, build_task


@pytest.fixture
def mine(monkeypatch):
    module = ModuleType("my_data")

    def parity(bits: int, half: float = 0.5) -> Task:
        inputs = torch.arange(2**bits)[:, None] >> torch.arange(bits) & 1
        part = Split(inputs, inputs.sum(1) % 2)
        return Task("parity", part, part, 2, ("even", "odd"), {"bits": bits})

    module.parity, module.number, module.wrong = parity, 3, lambda: 3
    monkeypatch.setitem(sys.modules, "my_data", module)


def test_short_names_and_dotted_paths(mine):
    assert build_task("groups", {"group": "S3", "share": "5e-1"}).outputs == 6
    assert build_task("modular", {"modulus": 5}).outputs == 5
    assert build_task("my_data.parity", {"bits": 3}).dimensions == {"bits": 3}


def test_every_short_name_leads_somewhere():
    for name in TASKS:
        with pytest.raises(ValueError, match=f"task.init_args of {name}: unknown 'nonsense'"):
            build_task(name, {"nonsense": 1})


@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        ("group", {}, "task.class_path: unknown 'group'; did you mean 'groups'"),
        ("groups", {"shared": 0.5}, "task.init_args of groups: unknown 'shared'.*'share'"),
        ("groups", {"share": "most"}, "task.init_args.share: wants a number, got 'most'"),
        ("groups", {"group": 4}, "task.init_args.group: wants text or null, got 4"),
        ("groups", {"table": [[0, "e"]]}, r"task.init_args.table\[0\]\[1\]: wants a whole number"),
        ("modular", {}, "task.init_args of modular: wants 'modulus', which is not given"),
        ("text", {"split": "page"}, "split: wants one of verse, block, got 'page'"),
        ("my_data.parity", {"bit": 3}, "task.init_args of my_data.parity: unknown 'bit'.*'bits'"),
        ("my_data.nothing", {}, "cannot find 'my_data.nothing'"),
        ("no_such_module.task", {}, "cannot find 'no_such_module.task'"),
        ("my_data.number", {}, "wants a function that returns a Task, got 3"),
        ("my_data.wrong", {}, "wants a Task, but my_data.wrong returned a int"),
    ],
)
def test_mistakes_name_the_nearest(mine, path, arguments, message):
    with pytest.raises(ValueError, match=message):
        build_task(path, arguments)
