"""Votes of contexts sum to the log odds; the reader's bits are the held-out cross-entropy."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from analysis.exhibits import Table
from analysis.reading.words.context_votes import _said, context_votes, read_context_votes
from interpretable_arch.models.context_mixture import ContextMixture, ContextMixtureConfig
from interpretable_arch.models.transformer import Transformer, TransformerConfig
from training.data.task import Stream, Task

TEXT = "in the beginning god created the heaven and the earth. " * 3 + "and the earth was new. "
LETTERS = sorted(set(TEXT) | {"z"})


def symbols(text: str) -> torch.Tensor:
    return torch.tensor([LETTERS.index(c) for c in text], dtype=torch.long)


@pytest.fixture
def task() -> Task:
    held_out = symbols("and the heaven was god. in the earth ")
    starts = torch.arange(0, 30, 6)
    return Task(
        name="a text",
        train=Stream(symbols(TEXT), torch.arange(len(TEXT) - 6), 6),
        held_out=Stream(held_out, starts, 6),
        outputs=len(LETTERS),
        labels=tuple(LETTERS),
        dimensions={"vocab": len(LETTERS), "context": 6},
    )


@pytest.fixture
def model() -> ContextMixture:
    torch.manual_seed(0)
    config = ContextMixtureConfig(len(LETTERS), order=4, parts=4, folds=4, block=20, l2=1e-2)
    built = ContextMixture(config)
    text = symbols(TEXT)
    built.fit_data([(text[None, :-1], text[None, 1:])])
    return built


def test_votes_sum_to_the_log_odds_of_the_model(model):
    found = context_votes(model, symbols("and the h"), LETTERS.index("e"))
    log_p = model(symbols("and the h")[None])[0, -1].log_softmax(-1).detach()
    assert found.p == pytest.approx(float(log_p[found.followed].exp()), rel=1e-4)
    assert found.log_odds == pytest.approx(sum(v.vote for v in found.votes), abs=1e-4)
    assert found.log_odds == pytest.approx(
        float(log_p[found.followed] - log_p[found.rival]), abs=1e-4
    )
    assert found.rival != found.followed


def test_each_vote_names_its_context_and_how_often_it_was_seen(model):
    found = context_votes(model, symbols("and the h"), LETTERS.index("e"))
    said = {"".join(LETTERS[s] for s in v.context): v for v in found.votes}
    assert list(said) == ["", "h", " h", "e h", "he h"]
    assert said["he h"].seen == TEXT.count("he h") == 3
    assert LETTERS[said["he h"].favourite] == "e"
    assert said["he h"].given == said["he h"].sure > 0.5
    assert said[""].seen == len(TEXT)


def test_contexts_that_were_never_seen_have_no_vote(model):
    votes = context_votes(model, symbols("thz"), LETTERS.index("e")).votes
    assert [v.seen for v in votes] == [len(TEXT), 0]  # one more says what is new after the longest
    with pytest.raises(ValueError, match="tokens"):
        context_votes(model, symbols(""), 0)
    with pytest.raises(ValueError, match="tokens"):
        context_votes(model, symbols("a"), len(LETTERS))


def test_the_reader_counts_bits_over_the_whole_held_out_text(model, task):
    found = read_context_votes(model, task)
    assert found is not None
    inputs, after = task.held_out.take(torch.arange(5))
    nats = F.cross_entropy(model(inputs).flatten(0, 1), after.flatten())
    assert found.figures["bits per symbol"] == pytest.approx(
        float(nats.detach()) / math.log(2), rel=1e-5
    )
    assert (
        found.figures["bits per symbol of the best order alone"] > found.figures["bits per symbol"]
    )
    tables = [e for e in found.exhibits if isinstance(e, Table)]
    assert len(tables) == 3
    for table in tables:
        *rows, total = table.rows
        assert sum(float(row[-1]) for row in rows) == pytest.approx(float(total[-1]), abs=1e-4)


def test_characters_run_together_and_a_space_is_seen_also_beside_the_unknown(model, task):
    assert _said((1, 2), ["<unk>", "s", "a"]) == "sa"
    assert _said((1, 0, 2), ["<unk>", "said", "a"]) == "said <unk> a"
    assert _said((), ["<unk>", "said"]) == "(none)"
    marked = replace(task, labels=tuple("<unk>" if s == "z" else s for s in task.labels))
    found = read_context_votes(model, marked)
    assert found is not None
    tables = [e for e in found.exhibits if isinstance(e, Table)]
    assert tables[0].title.startswith("After …and th")
    cells = [str(cell) for table in tables for row in table.rows for cell in (row[0], row[3])]
    assert any("␣" in cell for cell in cells)
    assert not [cell for cell in cells if " " in cell and cell != "all together"]


def test_other_models_have_nothing_of_the_kind(task):
    other = Transformer(TransformerConfig(len(LETTERS), 6, 8, 1, 2))
    assert read_context_votes(other, task) is None
