"""Sense tables: planted meanings come out with their words and contexts; bad words are refused."""

import math
from dataclasses import replace

import pytest
import torch

from analysis.reading.words.sense_table import nearest_words, tabulate
from analysis.reading.words.sense_use import SenseSource, SenseUse, sense_sources, sense_use
from analysis.reading.words.senses import ambiguities, read_senses, sense_table, sense_tables
from interpretable_arch.layers.token_matrix import MeaningTable
from interpretable_arch.maths.density import density, von_neumann_entropy
from interpretable_arch.models.backpack import Backpack, BackpackConfig
from interpretable_arch.models.sense_softmax import SenseSoftmax, SenseSoftmaxConfig
from interpretable_arch.models.transformer import Transformer, TransformerConfig
from training.data.task import Stream, Task

WORDS = ("<unk>", "bank", "river", "money", "fish", "pay", "boat", "coin")
LAYERS = ("row_senses", "operator_senses", "density_senses")
CONTEXT = 6


@pytest.fixture
def task() -> Task:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(1, len(WORDS), (601,), generator=generator)
    train = Stream(tokens, torch.arange(300), CONTEXT)
    held_out = Stream(tokens, torch.arange(300, 590, CONTEXT), CONTEXT)
    sizes = {"vocab": len(WORDS), "context": CONTEXT, "outputs": len(WORDS)}
    return Task("words", train, held_out, len(WORDS), WORDS, sizes)


def transformer(*layers: str) -> Transformer:
    torch.manual_seed(0)
    mlps = tuple({"class_path": name, "init_args": {"senses": 3}} for name in layers)
    config = TransformerConfig(len(WORDS), CONTEXT, 8, len(layers), 2, std=0.5, mlp=mlps)
    return Transformer(config).eval()


def backpack() -> Backpack:
    torch.manual_seed(0)
    config = BackpackConfig(len(WORDS), CONTEXT, 8, 1, 2, senses=4, std=0.5)
    return Backpack(config).eval()


def sense_softmax() -> SenseSoftmax:
    torch.manual_seed(0)
    return SenseSoftmax(SenseSoftmaxConfig(len(WORDS), CONTEXT, 8, 1, 2, senses=3, std=0.5)).eval()


MODELS = {name: lambda name=name: transformer(name) for name in LAYERS}
MODELS |= {"backpack": backpack, "sense_softmax": sense_softmax}


@pytest.fixture(params=list(MODELS))
def model(request) -> torch.nn.Module:
    return MODELS[request.param]()


def test_a_table_of_any_word(model, task):
    for word in WORDS[1:]:
        table = sense_table(model, task, word)
        assert table.word == word
        assert table.occurrences > 0
        assert sum(m.weight for m in table.meanings) == pytest.approx(1, abs=1e-5)
        assert sum(m.rest for m in table.meanings) == pytest.approx(1, abs=1e-5)
        weights = [m.weight for m in table.meanings]
        assert weights == sorted(weights, reverse=True)
        assert all(len(m.words) == 5 and len(m.contexts) == 3 for m in table.meanings)
        assert all(f"[{word}]" in text for m in table.meanings for text, _ in m.contexts)
        assert table.resolved >= -1e-6
        assert len(table.to_table().rows) == 3 * len(table.meanings)


def test_contexts_are_those_that_give_most_weight(model, task):
    source = sense_sources(model)[0]
    tokens = task.held_out.take(torch.arange(len(task.held_out)))[0]
    use = sense_use(source, tokens)
    weights = use.weights[use.tokens == 2]
    table = sense_table(model, task, "river")
    best = sorted(max(w for _, w in m.contexts) for m in table.meanings)
    wanted = sorted(weights.max(0).values.tolist())
    assert best == pytest.approx(wanted)


def test_a_word_that_never_occurs_has_its_meanings_at_rest(model, task):
    table = sense_table(model, task, "<unk>")
    assert table.occurrences == 0
    assert all(math.isnan(m.weight) and m.contexts == () for m in table.meanings)
    assert sum(m.rest for m in table.meanings) == pytest.approx(1, abs=1e-5)


def test_an_unknown_word_is_refused_with_the_nearest(model, task):
    with pytest.raises(ValueError, match=r"'rivr' is not in the vocabulary.*nearest is 'river'"):
        sense_table(model, task, "rivr")
    with pytest.raises(ValueError, match="'zzz' is not in the vocabulary"):
        sense_table(model, task, "zzz")


def test_the_finding_has_entropies_and_tables(model, task):
    finding = read_senses(model, task)
    name = sense_sources(model)[0].name
    at_rest = [k for k in finding.figures if "at rest" in k or "von Neumann" in k]
    assert len(at_rest) == 1
    used = finding.figures[f"{name}: sense entropy in use"]
    left = finding.figures[f"{name}: sense entropy left in context"]
    assert 0 <= left <= used <= math.log(4)
    assert len(finding.exhibits) == 4
    again = read_senses(model, task)
    assert again.figures == finding.figures


def test_held_out_text_alone_is_read(model, task):
    finding = read_senses(model, task)
    assert read_senses(model, replace(task, train=task.held_out)).figures == finding.figures
    assert read_senses(model, replace(task, held_out=task.train)).figures != finding.figures
    tokens = task.held_out.take(torch.arange(len(task.held_out)))[0]
    assert sense_table(model, task, "river").occurrences == int((tokens == 2).sum())


@pytest.mark.parametrize(("often", "wanted"), [(20, {2}), (5, {1, 2, 3})])
def test_frequent_words_are_listed_or_every_word_where_none_is(task, often, wanted):
    """Words 1, 2, 3 occur 3 times, `often`, and once."""
    row = torch.tensor([1] * 3 + [2] * often + [3])
    stream = Stream(torch.cat([row, row[:1]]), torch.tensor([0]), len(row))
    model = Backpack(BackpackConfig(len(WORDS), len(row), 8, 1, 2, senses=4, std=0.5)).eval()
    finding = read_senses(model, replace(task, held_out=stream))
    rows = finding.exhibits[0].rows
    assert {r[0] for r in rows} == {WORDS[w] for w in wanted}


def test_other_models_have_no_senses(task):
    plain = Transformer(TransformerConfig(len(WORDS), CONTEXT, 8, 1, 2))
    assert read_senses(plain, task) is None
    with pytest.raises(ValueError, match="model: wanted a language model whose tokens have senses"):
        sense_table(plain, task, "river")


def test_each_layer_has_its_table_and_the_last_is_the_default(task):
    model = transformer("row_senses", "density_senses")
    tables = sense_tables(model, task, "money")
    assert [t.layer for t in tables] == ["blocks.0.mlp", "blocks.1.mlp"]
    assert sense_table(model, task, "money").layer == "blocks.1.mlp"
    assert sense_table(model, task, "money", "blocks.0.mlp").layer == "blocks.0.mlp"
    with pytest.raises(ValueError, match=r"layer: wanted one of blocks.0.mlp, blocks.1.mlp"):
        sense_table(model, task, "money", "blocks.2.mlp")


def test_von_neumann_entropy_is_that_of_rho(task):
    model = transformer("density_senses")
    rho = density(model.blocks[0].mlp.rows(model.W_E)).detach()
    table = sense_table(model, task, "boat")
    wanted = float(von_neumann_entropy(rho[WORDS.index("boat")]))
    assert table.at_rest == pytest.approx(wanted, abs=1e-4)
    assert "blocks.0.mlp: von Neumann entropy" in read_senses(model, task).figures


def planted() -> tuple[SenseSource, SenseUse]:
    """'bank' has two meanings that write opposite words; its neighbour decides, with a 10% slip."""
    unembedding = torch.eye(8)
    written = torch.zeros(8, 2, 8)
    written[1, 0, 2], written[1, 1, 3] = 1.0, -1.0
    rest = torch.full((8, 2), 0.5)
    tokens = torch.tensor([[2, 1], [3, 1], [4, 1], [5, 1]])
    first = torch.tensor([0.9, 0.1, 0.9, 0.1])
    weights = torch.full((4, 2, 2), 0.5)
    weights[:, 1] = torch.stack([first, 1 - first], -1)
    amplitudes = weights * torch.tensor([1.0, -1.0])
    source = SenseSource(
        "planted", 2, lambda t: MeaningTable(written[t], rest[t]), lambda t: (t, t), unembedding
    )
    return source, SenseUse(tokens, weights, amplitudes)


def test_planted_meanings_come_out():
    source, use = planted()
    table = tabulate(source, use, WORDS, 1)
    words = {m.words[0]: m for m in table.meanings}
    assert set(words) == {"river", "money"}
    assert words["river"].contexts[0] == ("river [bank]", pytest.approx(0.9))
    assert words["money"].contexts[0] == ("money [bank]", pytest.approx(0.9))
    slip = -0.1 * math.log(0.1) - 0.9 * math.log(0.9)
    assert table.at_rest == pytest.approx(math.log(2))
    assert table.in_use == pytest.approx(math.log(2))
    assert table.left == pytest.approx(slip)
    assert table.resolved == pytest.approx(math.log(2) - slip)
    measured = ambiguities(source, use, torch.tensor([1]))
    assert measured[0].tolist() == pytest.approx([table.at_rest, table.in_use, table.left])


def test_nearest_words_by_hand():
    unembedding = torch.tensor([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    written = torch.tensor([[1.0, 0.0], [-1.0, -1.0]])
    found = nearest_words(written, unembedding, ("a", "b", "\n"), 1)
    assert found == [("a", "\u00b6"), ("\u00b6", "a")]
    assert nearest_words(written, unembedding, ("a", "b", "\n"), 0)[0] == ("b", "\u00b6")


def test_a_backpacks_weights_are_what_later_positions_take(task):
    model = backpack()
    tokens = task.held_out.take(torch.arange(2))[0]
    use = sense_use(sense_sources(model)[0], tokens)
    alpha = model.weigh(tokens).detach()
    for window in range(2):
        for source in range(CONTEXT):
            taken = [float(alpha[window, s, source:, source].sum()) for s in range(4)]
            wanted = [t / sum(taken) for t in taken]
            assert use.weights[window, source].tolist() == pytest.approx(wanted, abs=1e-5)


def test_a_softmax_over_senses_weighs_by_the_words_to_the_left(task):
    model = sense_softmax()
    tokens = task.held_out.take(torch.arange(3))[0]
    use = sense_use(sense_sources(model)[0], tokens)
    assert use.weights[:, 0].flatten().tolist() == pytest.approx([1 / 3] * 9)
    for t in range(1, CONTEXT):
        state = model.state(tokens[:, :t])[:, -1]
        wanted = torch.einsum("bd,sbd->bs", state, model.D[:, tokens[:, t]]).softmax(-1)
        torch.testing.assert_close(use.weights[:, t], wanted.detach())
