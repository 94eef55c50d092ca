"""Prefix matching, previous token and in-context score against loops and a circuit set by hand."""

import math
from dataclasses import replace

import pytest
import torch
from planted_induction import planted, planted_bag, planted_task
from torch import nn

from analysis.reading.circuits.induction import (
    bag_losses,
    copy_losses,
    fresh_repeats,
    head_patterns,
    prefix_matching,
    previous_token,
    read_induction,
    unrepeated,
)
from interpretable_arch.models.transformer import Transformer, TransformerConfig
from training.data.groups import groups
from training.data.repeats import repeats


def random_pattern(width: int, sequences: int) -> torch.Tensor:
    scores = torch.randn(sequences, width, width, generator=torch.Generator().manual_seed(0))
    return scores.masked_fill(torch.ones(width, width).triu(1).bool(), -torch.inf).softmax(-1)


def test_scores_equal_loops_over_the_definition():
    found = fresh_repeats(planted_task())
    width = found.tokens.shape[1]
    pattern = random_pattern(width, len(found.tokens))
    matched, before = [], []
    for row, tokens in zip(pattern.tolist(), found.tokens.tolist(), strict=True):
        length = tokens.index(tokens[0], 1)
        for i in range(length, min(2 * length, width)):
            first = tokens.index(tokens[i])
            matched.append(row[i][first + 1])
        before += [row[i][i - 1] for i in range(1, width)]
    assert prefix_matching(pattern, found) == pytest.approx(sum(matched) / len(matched))
    assert previous_token(pattern) == pytest.approx(sum(before) / len(before))


def test_lengths_are_those_of_the_segments_and_the_control_does_not_repeat():
    found = fresh_repeats(repeats())
    assert found.tokens.shape == (128, 32)
    assert (found.shortest, int(found.lengths.min()), int(found.lengths.max())) == (8, 8, 16)
    again = fresh_repeats(repeats(split_seed=3))
    assert torch.equal(found.tokens, again.tokens)
    agree = (unrepeated(found) == found.tokens).float()
    counted = found.second_copy()
    assert float((agree * counted).sum() / counted.sum()) < 0.1
    for row, L in enumerate(found.lengths.tolist()):
        assert bool(agree[row, :L].all())


@torch.no_grad()
def test_losses_by_copy_equal_a_loop():
    model, found = planted(), fresh_repeats(planted_task())
    by_place = -model(found.tokens).log_softmax(-1)
    first, second = copy_losses(model, found)
    for row, L in enumerate(found.lengths.tolist()):
        for place in range(1, L):
            for copy, losses in enumerate((first, second)):
                at = copy * L + place
                wanted = by_place[row, at - 1, found.tokens[row, at]]
                assert float(losses[row, place - 1]) == pytest.approx(float(wanted))
        assert bool(first[row, L - 1 :].isnan().all())
        assert bool(second[row, L - 1 :].isnan().all())


def test_a_bag_of_tokens_knows_what_is_still_to_come():
    found = fresh_repeats(planted_task())
    losses = bag_losses(found)
    for row, L in enumerate(found.lengths.tolist()):
        wanted = [math.log(L - place) for place in range(1, L)]
        assert losses[row, : L - 1].tolist() == pytest.approx(wanted)


@torch.no_grad()
def test_a_planted_induction_head_is_found():
    finding = read_induction(planted(), planted_task())
    figures = finding.figures
    # The first token has none before it: its own place and the next both seem to follow it.
    assert 0.9 < figures["max prefix matching"] < 0.95
    assert figures["that head without repeats"] < 0.3
    assert figures["max previous token"] > 0.99
    assert figures["loss in the second copy (nats)"] < 0.3
    assert figures["in-context score (nats)"] < -1
    assert figures["uniform attention"] < 0.2
    heat = finding.exhibits[0]
    assert heat.rows == ("blocks.0", "blocks.1")
    assert heat.values[1][0] == figures["max prefix matching"] > heat.values[0][0]
    assert finding.to_mapping()["exhibits"][2]["kind"] == "lines"


@torch.no_grad()
def test_the_in_context_score_alone_proves_nothing():
    """A layer that only knows which tokens stood before gains in context, and matches no prefix."""
    figures = read_induction(planted_bag(), planted_task()).figures
    assert figures["in-context score (nats)"] < -1
    assert figures["max prefix matching"] == pytest.approx(figures["uniform attention"])


@torch.no_grad()
def test_any_transformer_is_read():
    torch.manual_seed(0)
    task = repeats()
    model = Transformer(TransformerConfig(32, 32, d_model=8, heads=4, std=0.02)).eval()
    figures = read_induction(model, task).figures
    assert list(head_patterns(model, task.sample))[5] == "blocks.1.attn.head.1"
    # Untrained and nearly uniform.
    assert figures["max prefix matching"] == pytest.approx(figures["uniform attention"], abs=0.01)
    assert abs(figures["in-context score (nats)"]) < 0.05


def test_what_has_no_attention_or_no_tokens_is_left_out():
    assert read_induction(nn.Linear(2, 2), repeats()) is None
    assert read_induction(planted(), groups("S3", share=0.5)) is None
    assert fresh_repeats(groups("S3", share=0.5)) is None
    assert fresh_repeats(replace(repeats(), outputs=2, labels=("no", "yes"))) is None
