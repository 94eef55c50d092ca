"""Reading experts: counted by hand, planted routers found, ablation as by the edit itself."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from analysis.exhibits import Heatmap, Table
from analysis.reading.expert_calls import Calls, calls, entropy, sparse_layers
from analysis.reading.experts import read_experts, written
from interpretable_arch.edits import Edit, edited
from interpretable_arch.registry import build
from training.data.task import Stream, Task
from training.objective import Measure

CONTEXT, VOCAB = 6, 5
LABELS = ("<unk>", "a", "b", " ", "\n")


@pytest.fixture
def task() -> Task:
    tokens = torch.randint(1, VOCAB, (400,), generator=torch.Generator().manual_seed(0))
    starts = torch.arange(0, 390, CONTEXT)
    stream = Stream(tokens, starts, CONTEXT)
    sizes = {"vocab": VOCAB, "context": CONTEXT, "outputs": VOCAB}
    return Task("letters", stream, stream, VOCAB, LABELS, sizes)


def model(mlp: str = "mixture", **more: object) -> nn.Module:
    torch.manual_seed(0)
    part = {"class_path": mlp, "init_args": {"experts": 4, "k": 2, "d_expert": 6, **more}}
    sizes = {"d_model": 8, "heads": 2, "layers": 2, "std": 0.4, "mlp": part}
    return build("transformer", sizes, {"vocab": VOCAB, "context": CONTEXT}).eval()


def test_figures_of_three_tokens_by_hand():
    gates = torch.tensor([[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]])
    c = Calls(torch.zeros(3, 1), torch.tensor([[0, 1], [0, 1], [2, 3]]), gates, 4)
    assert c.counts().tolist() == [2, 1, 0, 0]
    figures = c.figures()
    assert figures["load imbalance"] == pytest.approx(2 / 0.75 - 1)
    assert figures["dead experts"] == 2
    assert figures["dropped tokens"] == 1
    assert figures["entropy per token"] == pytest.approx(math.log(2) / 3)
    wanted = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert figures["entropy of the mean load"] == pytest.approx(wanted)
    assert float(entropy(torch.full((4,), 0.25))) == pytest.approx(math.log(4))


@torch.no_grad()
def test_calls_are_the_routing_of_what_each_layer_read(task):
    found, tokens = model(), task.probe.inputs
    read: dict[str, torch.Tensor] = {}
    for i, block in enumerate(found.blocks):
        block.mlp.register_forward_pre_hook(lambda _, args, i=i: read.update({i: args[0]}))
    both = calls(found, [tokens[:10], tokens[10:]])
    found(tokens)
    assert list(both) == list(sparse_layers(found)) == ["blocks.0.mlp", "blocks.1.mlp"]
    for i, c in enumerate(both.values()):
        dense = found.blocks[i].mlp.route(read[i]).dense().flatten(0, 1)
        torch.testing.assert_close(torch.stack([c.of(e) for e in range(4)], -1), dense)
        assert float(c.counts().sum()) == 2 * tokens.numel()
    assert not any(m._forward_pre_hooks for m in (found, found.blocks[0]))


@torch.no_grad()
def test_the_reader_finds_a_planted_router(task):
    """Only the token "a" has +1 in the first coordinate, which expert 2 alone listens to."""
    found = model()
    found.W_E.zero_()
    found.W_E[1, 0], found.W_E[2:, 0] = 9.0, -9.0
    found.W_pos.zero_()
    for block in found.blocks:
        block.attn.W_O.zero_()
        block.mlp.W_out.zero_()
    mixture = found.blocks[0].mlp
    mixture.W_r.zero_()
    mixture.W_r[0] = torch.tensor([0.0, -1.0, 9.0, 1.0])
    mixture.W_in[2], mixture.W_out[2] = 1.0, found.unembedding()[:, 4]
    table = next(e for e in read_experts(found, task).exhibits if isinstance(e, Table))
    assert table.title == "blocks.0.mlp"
    row = next(r for r in table.rows if r[0] == "expert.2")
    assert row[2] == "'a' 100%"
    assert all(context.endswith("[a]") for context in row[3].split(" | "))
    effect = found.unembedding()[:, 4] @ found.unembedding()
    assert row[4].split()[0] == repr(LABELS[int(effect.argmax())])


@torch.no_grad()
def test_the_rise_of_the_loss_is_that_of_the_edit(task):
    found = model()
    finding = read_experts(found, task)
    measure = Measure(found)
    whole = measure(task.probe.inputs, task.probe.targets)[0]
    tables = [e for e in finding.exhibits if isinstance(e, Table)]
    for table in tables:
        for row in table.rows:
            with edited(found, Edit.ablate(f"{table.title}.{row[0]}")):
                loss = measure(task.probe.inputs, task.probe.targets)[0]
            assert row[-1] == pytest.approx(float(loss - whole), abs=1e-6)
        imbalance = finding.figures[f"{table.title}: load imbalance"]
        assert imbalance <= finding.figures["largest load imbalance"]
        largest = finding.figures[f"{table.title}: largest rise of the loss"]
        assert largest == max(row[-1] for row in table.rows)


@torch.no_grad()
def test_what_an_expert_writes_is_its_part_of_the_layer(float64):
    layer = model().blocks[0].mlp.double()
    x = torch.randn(20, 8)
    routing = layer.route(x)
    c = Calls(x, routing.indices, routing.gates, 4)
    called = c.of(1) != 0
    wanted = (layer(x) - without(layer, 1, x))[called].mean(0)
    torch.testing.assert_close(written(layer, c, 1), wanted)


def without(layer: nn.Module, expert: int, x: torch.Tensor) -> torch.Tensor:
    with edited(layer, Edit.ablate(f"expert.{expert}")):
        return layer(x)


@torch.no_grad()
def test_a_mixture_drops_nothing_and_reading_changes_nothing(task):
    found = model()
    before = {n: v.clone() for n, v in found.state_dict().items()}
    first, second = read_experts(found, task), read_experts(found, task)
    assert first == second
    for layer in ("blocks.0.mlp", "blocks.1.mlp"):
        assert first.figures[f"{layer}: dropped tokens"] == 0
        heat = next(e for e in first.exhibits if isinstance(e, Heatmap) and layer in e.title)
        for row in heat.values:
            assert sum(row) == pytest.approx(2)
    assert all(torch.equal(v, found.state_dict()[n]) for n, v in before.items())


@torch.no_grad()
def test_an_expert_that_nobody_calls_is_counted_and_has_an_empty_row(task):
    found = model()
    found.blocks[0].mlp.balance[3] = -1e9
    finding = read_experts(found, task)
    assert finding.figures["blocks.0.mlp: dead experts"] == 1
    table = next(e for e in finding.exhibits if isinstance(e, Table))
    assert table.rows[-1][:6] == ("expert.3", 0.0, "", "", "", "")


FAMILIES = {
    "mxd": {"experts": 6, "k": 2, "d_mlp": 5},
    "monet_horizontal": {"keys": 3, "heads": 2, "k": 2},
    "peer": {"keys": 3, "heads": 2, "k": 2},
    "codebook": {"codes": 6, "k": 2},
}


@torch.no_grad()
@pytest.mark.parametrize("family", FAMILIES)
def test_every_sparse_family_is_read_by_the_same_reader(task, family):
    torch.manual_seed(0)
    part = {"class_path": family, "init_args": FAMILIES[family]}
    sizes = {"d_model": 8, "heads": 2, "layers": 1, "std": 0.4, "mlp": part}
    finding = read_experts(build("transformer", sizes, task.dimensions).eval(), task)
    table = next(e for e in finding.exhibits if isinstance(e, Table))
    assert sum(row[1] for row in table.rows) == pytest.approx(1)
    assert all(isinstance(row[-1], float) for row in table.rows)
    called = [row for row in table.rows if row[1] > 0]
    assert all(row[3] and row[4] for row in called)


@torch.no_grad()
def test_calls_are_counted_on_held_out_text_alone(task):
    found, other = model(), Stream(torch.ones(99, dtype=torch.long), torch.arange(50), CONTEXT)
    finding = read_experts(found, task)
    assert read_experts(found, replace(task, train=other)) == finding
    assert read_experts(found, replace(task, held_out=other)).figures != finding.figures


@torch.no_grad()
def test_a_token_that_calls_no_more_than_chance_is_no_caller(task):
    """Every token calls expert 0; only "a" calls expert 2."""
    found = model()
    found.W_E.zero_()
    found.W_E[1, 0], found.W_E[2:, 0] = 9.0, -9.0
    found.W_pos.zero_()
    mixture = found.blocks[0].mlp
    found.blocks[0].attn.W_O.zero_()
    mixture.W_r.zero_()
    mixture.W_r[0, 1], mixture.W_r[0, 2], mixture.balance[0] = -1.0, 1.0, 1e6
    table = next(e for e in read_experts(found, task).exhibits if isinstance(e, Table))
    callers = {row[0]: row[2] for row in table.rows}
    assert callers["expert.0"] == ""
    assert callers["expert.2"] == "'a' 100%"


def wrapped(mlp: str, **arguments: object) -> nn.Module:
    inside = {"class_path": mlp, "init_args": arguments}
    torch.manual_seed(0)
    part = {"class_path": "abs_topk", "init_args": {"k": 5, "layer": inside}}
    sizes = {"d_model": 8, "heads": 2, "layers": 1, "std": 0.4, "mlp": part}
    return build("transformer", sizes, {"vocab": VOCAB, "context": CONTEXT}).eval()


@torch.no_grad()
def test_experts_inside_another_layer_are_ablated_too(task):
    found = wrapped("mixture", experts=4, k=2, d_expert=6)
    table = next(e for e in read_experts(found, task).exhibits if isinstance(e, Table))
    measure = Measure(found)
    whole = measure(task.probe.inputs, task.probe.targets)[0]
    assert table.title == "blocks.0.mlp.layer"
    for row in table.rows:
        with edited(found, Edit.ablate(f"blocks.0.mlp.{row[0]}")):
            loss = measure(task.probe.inputs, task.probe.targets)[0]
        assert row[-1] == pytest.approx(float(loss - whole), abs=1e-6)


class Siteless(nn.Module):
    """A language model that says nothing about where its parts are written."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = model()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.inside(tokens)


@torch.no_grad()
def test_without_ablations_there_is_no_rise_of_the_loss(task):
    figures = read_experts(Siteless(), task).figures
    assert "largest load imbalance" in figures
    assert not [name for name in figures if "rise of the loss" in name]


@torch.no_grad()
def test_when_every_gate_is_closed_there_is_no_spread_to_tell(task):
    torch.manual_seed(0)
    part = {"class_path": "mxd", "init_args": FAMILIES["mxd"]}
    sizes = {"d_model": 8, "heads": 2, "layers": 1, "mlp": part}
    found = build("transformer", sizes, task.dimensions).eval()
    found.blocks[0].mlp.b.fill_(-1e6)
    finding = read_experts(found, task)
    assert all(map(math.isfinite, finding.figures.values()))
    assert not [n for n in finding.figures if "imbalance" in n or "mean load" in n]
    assert finding.figures["blocks.0.mlp: dead experts"] == 6
    table = next(e for e in finding.exhibits if isinstance(e, Table))
    assert all(row[1] == 0 for row in table.rows)


@torch.no_grad()
def test_models_without_sparse_layers_and_tasks_without_tokens_have_nothing(task):
    torch.manual_seed(0)
    dense = build("transformer", {"d_model": 8, "heads": 2}, task.dimensions)
    assert read_experts(dense, task) is None
    split = Task("numbers", task.probe, task.probe, VOCAB, LABELS, {"inputs": CONTEXT})
    assert read_experts(model(), split) is None
