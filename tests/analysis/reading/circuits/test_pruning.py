"""Pruning finds a planted circuit, keeps its margin, and leaves the model as it was."""

import pytest
import torch

from analysis.reading.circuits.pruning import (
    MARGIN,
    component_circuit,
    read_pruning,
    shrink,
    some_examples,
    weight_circuit,
)
from analysis.reading.circuits.sparsity import non_zero, read_sparsity
from interpretable_arch.registry import build
from training.data import build_task
from training.objective import Measure

Z5 = {"class_path": "modular", "init_args": {"modulus": 5, "share": 0.6}}


@pytest.fixture
def task():
    return build_task(**Z5)


@pytest.fixture
def planted():
    """25 neurons of 40: neuron (a, s) fires where the first is a and a + b is s, and answers s; the
    others do nothing that shows."""
    torch.manual_seed(0)
    model = build("group_mlp", {"d_mlp": 40}, {"order": 5})
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1e-3)
        for n in range(25):
            a, s = divmod(n, 5)
            model.E_a[:, n] = 0
            model.E_b[:, n] = 0
            model.E_a[a, n] = 1
            model.E_b[(s - a) % 5, n] = 1
            model.E_a[[i for i in range(5) if i != a], n] = -1
            model.W_U[n] = 0
            model.W_U[n, s] = 20
    return model


def test_the_search_keeps_what_matters_and_nothing_else():
    """Items 3, 8 and 20 carry the loss; any set without one of them is out of bounds."""
    needed = torch.tensor([3, 8, 20])
    importance = torch.zeros(40)
    importance[needed] = torch.tensor([5.0, 1.0, 3.0])

    def loss(kept):
        return float(~kept[needed].all())

    found = shrink(torch.ones(40, dtype=torch.bool), loss, lambda _: importance, limit=0.5)
    assert found.kept.nonzero().flatten().tolist() == [3, 8, 20]
    assert found.loss == 0
    sizes = [size for size, _ in found.path]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 3


def test_nothing_is_kept_where_nothing_matters():
    kept = torch.ones(7, dtype=torch.bool)
    assert shrink(kept, lambda _: 0.0, lambda k: torch.ones(len(k)), limit=0.0).size == 0


def test_a_planted_circuit_is_found(task, planted):
    """25 neurons with 2 + 1 weights that act (and 4 that hold them shut), of 600 in all."""
    data = some_examples(task.train)
    with torch.no_grad():
        found = weight_circuit(planted, data, MARGIN)
        nodes = component_circuit(planted, data, MARGIN)
    assert found.size <= 25 * (2 + 1 + 4)
    assert not nodes.kept[25:].any()
    # Of 25 neurons those are needed whose pair is in the training part.
    assert nodes.size <= len(task.train)


def test_the_circuit_alone_keeps_the_margin(task, planted):
    data = some_examples(task.train)
    with torch.no_grad():
        whole = float(Measure(planted)(data.inputs, data.targets)[0])
        found = weight_circuit(planted, data, MARGIN)
        flat = torch.nn.utils.parameters_to_vector(planted.parameters())
        torch.nn.utils.vector_to_parameters(flat * found.kept, planted.parameters())
        alone = float(Measure(planted)(data.inputs, data.targets)[0])
    assert alone <= whole + MARGIN
    assert alone == pytest.approx(found.loss, abs=1e-6)


def test_the_reading_states_both_losses_and_leaves_the_model(task, planted):
    before = {n: v.clone() for n, v in planted.state_dict().items()}
    with torch.no_grad():
        found = read_pruning(planted, task)
    assert found is not None
    figures = found.figures
    assert figures["circuit loss"] <= figures["whole loss"] + MARGIN
    assert figures["circuit share"] == figures["circuit size"] / 600
    assert figures["components"] == 40
    assert found.to_mapping()["figures"]["circuit size"] == figures["circuit size"]
    for n, v in planted.state_dict().items():
        assert torch.equal(v, before[n])
    assert all(not p.grad for p in planted.parameters())
    table = found.exhibits[0]
    assert sum(row[1] for row in table.rows) == figures["circuit size"]


def test_the_same_reading_twice(task, planted):
    with torch.no_grad():
        assert read_pruning(planted, task).figures == read_pruning(planted, task).figures


def test_what_can_not_be_read_is_left_out(task):
    large = build("group_mlp", {"d_mlp": 1000}, {"order": 5})
    assert read_pruning(large, task) is None
    assert read_pruning(torch.nn.Linear(3, 3), task) is None


def test_zeros_are_counted_exactly(task):
    model = build(
        "transformer", {"d_model": 4, "heads": 2, "bias": True}, {"vocab": 5, "context": 2}
    )
    assert read_sparsity(model, task) is None
    with torch.no_grad():
        model.W_E[:] = 0
        model.W_E[1, 2], model.W_E[0, 0] = 1e-30, -0.0
    found = read_sparsity(model, task)
    rows = {row[0]: row for row in found.exhibits[0].rows}
    assert rows["W_E"][1:3] == (1, 20)
    assert "blocks.0.attn.b_Q" not in rows
    assert found.figures["non-zero weights"] == found.figures["weights"] - 19
    assert non_zero(torch.tensor([0.0, -0.0, float("nan"), 1e-45])) == 2
    assert read_sparsity(torch.nn.ReLU(), task) is None
