"""The meanings' reading: planted picks score one, chance scores chance; peers and bad input."""

import pytest
import torch
from torch import nn

from analysis.reading.words.meaning_picks import picker
from analysis.reading.words.meanings import read_meanings
from analysis.reading.words.occurrences import Occurrences, by_word, mean
from interpretable_arch.models.backpack import Backpack, BackpackConfig
from interpretable_arch.models.transformer import Transformer, TransformerConfig
from training.data.planted_senses import planted_senses
from training.data.text import text


@pytest.fixture(scope="module")
def task():
    return planted_senses(tokens=8000, context=16, length=1, topics=4, ambiguous=6)


class Oracle(nn.Module):
    """Knows which mark decides what (`length` 1: the neighbour), and numbers meanings its way."""

    def __init__(self, task, right=True):
        super().__init__()
        self.task, self.right = task, right

    def posterior(self, tokens, words):
        weights = torch.zeros(*tokens.shape, 5)
        for place in torch.cartesian_prod(*map(torch.arange, tokens.shape)).tolist():
            names = self.task.meanings.names.get(int(words[tuple(place)]))
            topic = f"in {self.task.labels[int(tokens[tuple(place)])][1:-1]}"
            number = 3 * names.index(topic) + 1 if names and self.right and topic in names else 2
            weights[(*place, number)] = 1.0
        return weights


def test_right_picks_score_one_whatever_their_numbers(task):
    found = read_meanings(Oracle(task), task)
    assert found.figures["meaning accuracy"] == 1.0
    assert found.figures["majority"] < 0.7
    assert len(found.exhibits[0].rows) == 6


def test_picks_without_news_score_the_majority(task):
    figures = read_meanings(Oracle(task, right=False), task).figures
    assert figures["meaning accuracy"] == figures["majority"]


def test_what_a_number_stands_for_is_settled_on_training_occurrences():
    def part(known, word=7):
        known = torch.tensor([known])
        return Occurrences(torch.full_like(known, word), known, known >= 0)

    train, test = part([0, 0, 1, 1, 1]), part([0, 1, 0])
    picks = torch.tensor([5, 5, 2, 2, 2]), torch.tensor([5, 2, 9])
    # 5 stands for 0 and 2 for 1; 9, unseen, for the most frequent, which is 1.
    assert by_word(picks[0], train, picks[1], test) == {7: pytest.approx(2 / 3)}
    assert mean({1: 0.5, 2: 1.0}) == 0.75


def test_a_transformer_has_peers_and_no_pick(task):
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(task.outputs, 16, d_model=8, layers=1, heads=2, std=0.5))
    figures = read_meanings(model.eval(), task).figures
    assert set(figures) == {
        "probe accuracy",
        "k-means accuracy",
        "k-means accuracy, 4 clusters",
        "k-means accuracy, 8 clusters",
        "majority",
    }
    # The state after the deciding neighbour holds some of it, trained or not.
    assert figures["probe accuracy"] > figures["majority"] + 0.15
    assert all(0 <= value <= 1 for value in figures.values())


def test_a_backpack_picks_by_its_weight_on_the_word_itself(task):
    torch.manual_seed(0)
    config = BackpackConfig(task.outputs, 16, d_model=8, layers=1, heads=2, senses=2, d_hidden=4)
    model = Backpack(config).eval()
    tokens = task.probe.inputs[:2]
    weights = picker(model)(tokens)
    alpha = model.weigh(tokens)
    for t in range(16):
        torch.testing.assert_close(weights[:, t], alpha[:, :, t, t])
    assert 0 <= read_meanings(model, task).figures["meaning accuracy"] <= 1


@pytest.mark.parametrize("layer", ["row_senses", "operator_senses", "density_senses"])
def test_layers_of_senses_pick_by_their_weights(task, layer):
    torch.manual_seed(0)
    mlp = {"class_path": layer, "init_args": {"senses": 2}}
    config = TransformerConfig(task.outputs, 16, d_model=8, layers=1, heads=2, mlp=mlp)
    model = Transformer(config).eval()
    assert picker(model)(task.probe.inputs[:2]).shape == (2, 16, 2)
    assert "meaning accuracy" in read_meanings(model, task).figures


def test_without_known_meanings_there_is_nothing_to_read(tmp_path, task):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(f"line {n} of a text" for n in range(50)))
    plain = text(str(path), context=4)
    assert read_meanings(Oracle(task), plain) is None
    assert read_meanings(nn.Linear(2, 2), task) is None
