"""What is read off hidden classes: errors against the truth, tables, and senses of one word."""

import pytest
import torch

from analysis.exhibits import Table
from analysis.reading.words.meanings import read_meanings
from analysis.reading.words.sense_tensor import read_sense_tensor
from analysis.reading.words.senses import sense_table
from interpretable_arch.models.attention_only import AttentionOnly, AttentionOnlyConfig
from interpretable_arch.models.latent_class_em import (
    CONVERGED,
    LatentClassEM,
    LatentClassEMConfig,
)
from interpretable_arch.models.sense_tensor import SenseTensor, SenseTensorConfig
from training.data.latent_classes import latent_classes
from training.data.planted_senses import planted_senses
from training.data_fit import data_batches


def fitted(task, **sizes) -> SenseTensor:
    model = SenseTensor(SenseTensorConfig(vocab=task.outputs, **sizes))
    model.fit_data(data_batches(task.train))
    return model


def test_exact_counts_are_read_as_exact(float64):
    task = latent_classes(classes=3, vocabulary=8, draws=6, exact=True, held_out=200)
    found = read_sense_tensor(fitted(task, classes=3, smoothing=0.0), task)
    assert found is not None
    assert found.figures["posterior error, largest"] < 1e-9
    assert found.figures["posteriors within 1e-3"] == 1
    assert found.figures["same likeliest class"] == 1


def test_a_search_says_how_far_it_came_and_claims_nothing(float64):
    task = latent_classes(classes=3, vocabulary=8, draws=6, exact=True, held_out=200)
    torch.manual_seed(0)
    model = LatentClassEM(LatentClassEMConfig(vocab=8, classes=3, steps=2))
    before = read_sense_tensor(model, task)
    model.fit_data(data_batches(task.train))
    found = read_sense_tensor(model, task)
    assert before is not None
    assert found is not None
    assert "search came to rest" not in before.figures
    assert found.figures["search came to rest"] == 0
    assert found.figures["log-likelihood of an occurrence"] < 0
    assert found.figures["largest change in the last step"] > CONVERGED
    assert any("no theorem" in note for note in found.notes)


def test_an_unfitted_model_is_far_from_the_truth(float64):
    task = latent_classes(classes=3, vocabulary=8, draws=6, exact=True, held_out=200)
    found = read_sense_tensor(SenseTensor(SenseTensorConfig(vocab=8, classes=3)), task)
    assert found is not None
    assert found.figures["posterior error, largest"] > 0.1


@pytest.fixture(scope="module")
def topics():
    return planted_senses(topics=4, ambiguous=8, own=5, fillers=5, length=12, tokens=20_000)


@pytest.fixture(scope="module")
def model(topics) -> SenseTensor:
    return fitted(topics, classes=4, window=8)


def test_meanings_that_topics_decide_are_picked(topics, model):
    found = read_meanings(model, topics)
    assert found is not None
    assert found.figures["meaning accuracy"] > 0.95
    assert found.figures["majority"] < 0.7


def test_classes_are_the_topics(topics, model):
    found = read_sense_tensor(model, topics)
    assert found is not None
    classes, words = found.exhibits
    assert isinstance(classes, Table)
    assert isinstance(words, Table)
    assert len(classes.rows) == 4
    for row in classes.rows:
        own = {w[: w.index(".")] for w in str(row[2]).split() if w.startswith("topic") and "." in w}
        assert len(own) == 1
    ambiguous = [str(row[0]) for row in words.rows]
    assert any(word.startswith("filler") for word in ambiguous)


def test_one_word_s_senses_are_its_classes(topics, model):
    table = sense_table(model, topics, "ambiguous0")
    assert table.layer == "classes"
    assert sum(m.rest for m in table.meanings) == pytest.approx(1, abs=1e-5)
    assert sum(m.weight for m in table.meanings[:2]) > 0.9
    assert table.resolved > 0.4


def test_other_models_have_no_classes(topics):
    torch.manual_seed(0)
    other = AttentionOnly(AttentionOnlyConfig(vocab=topics.outputs, context=32, d_model=4, heads=2))
    assert read_sense_tensor(other, topics) is None
