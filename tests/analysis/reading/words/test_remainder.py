"""What a core gives and a remainder adds: losses, share and places, against slow references."""

import math
import sys
from collections.abc import Sequence
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.reading.words.remainder import compare, read_remainder
from interpretable_arch.models.core_remainder import CoreRemainder, CoreRemainderConfig
from interpretable_arch.models.transformer import Transformer, TransformerConfig
from training.data.task import Stream, Task

LABELS = ("<unk>", "a", "b", "\n")
CONTEXT, VOCAB = 6, len(LABELS)


class Table(nn.Module):
    """A core of fixed scores for the token after each."""

    causal = True

    def __init__(self, vocab: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.register_buffer("scores", torch.randn(vocab, vocab, generator=generator))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.scores[tokens]

    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        raise AssertionError("a reader fits nothing")


@pytest.fixture
def task() -> Task:
    tokens = torch.randint(1, VOCAB, (301,), generator=torch.Generator().manual_seed(0))
    train = Stream(tokens, torch.arange(100), CONTEXT)
    held_out = Stream(tokens, torch.arange(100, 290, CONTEXT), CONTEXT)
    sizes = {"vocab": VOCAB, "context": CONTEXT, "outputs": VOCAB}
    return Task("letters", train, held_out, VOCAB, LABELS, sizes)


@pytest.fixture
def model(monkeypatch) -> CoreRemainder:
    module = ModuleType("fixed_core")
    module.Table = Table
    monkeypatch.setitem(sys.modules, "fixed_core", module)
    torch.manual_seed(0)
    sizes = {"d_model": 8, "layers": 1, "heads": 2, "std": 0.5}
    remainder = {"class_path": "transformer", "init_args": sizes}
    core = {"class_path": "fixed_core.Table"}
    return CoreRemainder(CoreRemainderConfig(VOCAB, CONTEXT, core, remainder, scale=0.5)).eval()


@torch.no_grad()
def test_losses_and_share_against_a_slow_reference(model, task):
    figures = read_remainder(model, task).figures
    tokens, targets = task.held_out.take(torch.arange(len(task.held_out)))
    core, remainder = model.core(tokens), 0.5 * model.remainder(tokens)
    alone, whole = (F.cross_entropy(x.mT, targets, reduction="none") for x in (core, model(tokens)))
    assert figures["core's loss"] == pytest.approx(float(alone.mean()), rel=1e-5)
    assert figures["loss with remainder"] == pytest.approx(float(whole.mean()), rel=1e-5)
    assert figures["remainder's gain"] == pytest.approx(float((alone - whole).mean()), abs=1e-6)
    late = float((alone - whole)[:, CONTEXT // 2 :].mean())
    assert figures["gain in second halves"] == pytest.approx(late, abs=1e-6)
    assert figures["places made better"] == pytest.approx(float((whole < alone).double().mean()))
    squares = [0.0, 0.0]
    for which, part in enumerate((core, remainder)):
        for row in part.flatten(0, 1).tolist():
            mean = sum(row) / len(row)
            squares[which] += sum((value - mean) ** 2 for value in row)
    c, r = map(math.sqrt, squares)
    assert figures["remainder's share"] == pytest.approx(r / (c + r), rel=1e-5)


def test_the_place_helped_most_comes_first(model, task):
    table = read_remainder(model, task).exhibits[0]
    places = compare(model, task)
    window, at = divmod(int(places.gain.argmax()), CONTEXT)
    text = [LABELS[t].replace("\n", "¶") for t in places.tokens[window, : at + 1].tolist()]
    before, following, by_core, by_whole, gain = table.rows[0]
    assert before == "".join(text)
    assert following == LABELS[int(places.targets[window, at])].replace("\n", "¶")
    assert math.log(by_whole / by_core) == pytest.approx(gain, abs=1e-3)
    assert [row[-1] for row in table.rows] == sorted((row[-1] for row in table.rows), reverse=True)


def test_quarters_average_to_the_whole_and_rise_in_entropy(model, task):
    table = read_remainder(model, task).exhibits[1]
    entropies = [row[1] for row in table.rows]
    assert entropies == sorted(entropies)
    gain = float(compare(model, task).gain.mean())
    assert sum(row[-1] for row in table.rows) / 4 == pytest.approx(gain, abs=0.02)


def test_a_silent_remainder_has_no_share_and_no_gain(model, task):
    with torch.no_grad():
        model.remainder.W_U.zero_()
    figures = read_remainder(model, task).figures
    assert figures["remainder's share"] == 0.0
    assert figures["remainder's gain"] == 0.0


def test_the_same_twice_and_nothing_for_other_models(model, task):
    assert read_remainder(model, task) == read_remainder(model, task)
    other = Transformer(TransformerConfig(VOCAB, CONTEXT, 8, 1, 2))
    assert read_remainder(other, task) is None
