"""Products in groups and arithmetic of residues."""

import pytest
import torch

from interpretable_arch.maths.groups import finite_groups
from training.data.groups import groups
from training.data.modular import modular


def assert_parts_make_the_table(task, count):
    pairs = torch.cat([task.train.inputs, task.held_out.inputs])
    assert len(pairs) == count
    assert len(pairs.unique(dim=0)) == count


def test_targets_are_products_and_the_parts_make_the_table():
    task = groups("S4", 0.15)
    assert (len(task.train), len(task.held_out)) == (86, 490)
    assert_parts_make_the_table(task, 576)
    for part in (task.train, task.held_out):
        assert torch.equal(task.group.table[part.inputs[:, 0], part.inputs[:, 1]], part.targets)
    assert task.dimensions == {"order": 24, "outputs": 24, "determinants": (1,) * 24}
    assert task.labels == task.group.labels


def test_seeds_are_compared_on_held_out_pairs_only():
    task = groups("S3", 0.5)
    assert torch.equal(task.probe.inputs, task.held_out.inputs)
    assert torch.equal(task.probe.targets, task.held_out.targets)
    assert len(groups("S5", 0.15).probe) == 4096


def test_the_split_is_fixed_by_its_seed():
    first, again, other = (groups("S4", 0.5, seed).train.inputs for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_table_and_generators_are_groups_too():
    swap = groups("swap", 0.5, table=[[0, 1], [1, 0]])
    assert (swap.group.name, swap.group.order) == ("swap", 2)
    rotations = groups(share=0.5, generators=[[1, 2, 3, 0]])
    assert rotations.group.order == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group": "S3", "share": 0.01}, "takes 0 and leaves 36"),
        ({"group": "S3", "share": 1.0}, "takes 36 and leaves 0"),
        ({"group": "sym4"}, "group 'sym4': wanted .*nearest"),
        ({}, "group: wants a name, a table or generators"),
        ({"table": [[0]], "generators": [[0]]}, "wants one of them, got both"),
        ({"table": [[0, 1], [1, 1]]}, "table"),
        ({"table": [[0, 1], [1]]}, "table"),
        ({"generators": [[0, 0]]}, "permutation"),
    ],
)
def test_what_is_no_group_or_no_split_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        groups(**arguments)


def test_a_loop_that_is_not_associative_names_the_triple():
    # A loop of order 5: a Latin square with an identity that is no group.
    rows = ["01234", "10342", "24013", "32401", "43120"]
    with pytest.raises(ValueError, match="associative"):
        groups(table=[[int(entry) for entry in row] for row in rows])


@pytest.mark.parametrize(
    ("operation", "results"),
    [
        ("add", [[0, 1, 2], [1, 2, 0], [2, 0, 1]]),
        ("subtract", [[0, 2, 1], [1, 0, 2], [2, 1, 0]]),
        ("multiply", [[0, 0, 0], [0, 1, 2], [0, 2, 1]]),
        ("divide", [[0, 0], [1, 2], [2, 1]]),
    ],
)
def test_residues_modulo_three(operation, results):
    task = modular(3, operation, 0.5)
    found = {}
    for part in (task.train, task.held_out):
        found |= dict(zip(map(tuple, part.inputs.tolist()), part.targets.tolist(), strict=True))
    first = 1 if operation == "divide" else 0
    assert found == {
        (a, b + first): entry for a, row in enumerate(results) for b, entry in enumerate(row)
    }
    assert_parts_make_the_table(task, len(found))


def test_division_undoes_multiplication():
    task = modular(13, "divide")
    for part in (task.train, task.held_out):
        assert torch.equal(part.targets * part.inputs[:, 1] % 13, part.inputs[:, 0])


def test_addition_is_the_cyclic_group():
    task = modular(5)
    assert task.group == finite_groups.cyclic(5)
    assert task.labels == task.group.labels
    assert modular(5, "multiply").group is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1,), "modulus: wants a whole number from 2 up, got 1"),
        ((9, "divide"), "division wants a prime, got 9 = 3 \\* 3"),
        ((5, "power"), "operation: wants one of add, subtract, multiply, divide, got 'power'"),
        ((3, "add", 0.01), "takes 0 and leaves 9"),
    ],
)
def test_mistakes_in_arithmetic_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        modular(*arguments)


def test_the_shown_products_settle_the_determinants_or_leave_all_at_one():
    settled = groups("Z12", 0.4).dimensions["determinants"]
    assert settled == tuple(1 - 2 * (a % 2) for a in range(12))
    assert groups("S3", 0.1).dimensions["determinants"] == (1,) * 6
