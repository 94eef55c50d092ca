"""What is read off a matrix product state, on a small graph."""

import pytest
import torch

from analysis.exhibits import Heatmap, Table
from analysis.reading.sequences.lsrdr import read_lsrdr
from interpretable_arch.models.lsrdr import LSRDR, LSRDRConfig
from interpretable_arch.models.operator_embedding import OperatorEmbedding, OperatorEmbeddingConfig
from training.data.graph_walks import graph_walks


@pytest.fixture
def task():
    return graph_walks("communities", 10, tokens=2000, context=8)


def test_a_fitted_model_is_read(float64, task):
    torch.manual_seed(0)
    model = LSRDR(LSRDRConfig(vocab=10, d=2))
    model.fit_operators(task.operators)
    found = read_lsrdr(model, task)
    assert found is not None
    figures = found.figures
    assert 0.5 < figures["fidelity per token"] <= 1
    assert figures["largest imaginary part"] < 1e-6
    assert figures["share beyond rank 1"] < 1e-12
    assert figures["loss above its bound"] >= 0
    assert figures["Schmidt weight 0"] + figures["Schmidt weight 1"] == pytest.approx(1)
    _, tokens, overlap = found.exhibits
    assert isinstance(tokens, Table)
    assert isinstance(overlap, Heatmap)
    assert sum(float(row[1]) for row in tokens.rows) == pytest.approx(1)
    # Bond 2 holds which community it is: the nearest node is of the same one.
    named = [(str(row[0]).split()[1], str(row[-1]).split()[1]) for row in tokens.rows]
    same = [int(a) // 5 == int(b) // 5 for a, b in named]
    assert sum(same) >= 8


def test_the_operator_embedding_has_no_form_beside_data(float64, task):
    torch.manual_seed(0)
    found = read_lsrdr(OperatorEmbedding(OperatorEmbeddingConfig(10, 2)), task)
    assert found is not None
    assert "largest imaginary part" not in found.figures
    assert "entropy of a cut" in found.figures


def test_other_models_have_nothing_of_the_kind(task):
    assert read_lsrdr(torch.nn.Linear(2, 2), task) is None
