"""A channel's meanings and its state's entropy, read where both are known."""

import math

import pytest
import torch
from torch import nn

from analysis.exhibits import Lines, Table
from analysis.reading.findings import read_all
from analysis.reading.sequences.channel import read_channel
from interpretable_arch.models.quantum_channel import QuantumChannel, QuantumChannelConfig
from training.data import build_task
from training.data.hidden_process import published_kraus


def published() -> QuantumChannel:
    K = torch.from_numpy(published_kraus())
    model = QuantumChannel(QuantumChannelConfig(vocab=4, d=2, kraus=1)).double()
    model.load_state_dict({"K": torch.view_as_real(K)})
    return model


def task():
    return build_task("hidden_process", {"length": 300, "burn_in": 100, "held_out_rows": 4})


def test_projective_questions_leave_nothing_open():
    """After any of the published outputs the state is pure, and each asks for one meaning."""
    finding = read_channel(published(), task())
    assert finding is not None
    assert finding.figures["state entropy"] == pytest.approx(0, abs=1e-9)
    assert finding.figures["ambiguity of a token"] == pytest.approx(0, abs=1e-9)
    table, line = finding.exhibits
    assert isinstance(table, Table)
    assert isinstance(line, Lines)
    assert [row[1] for row in table.rows] == pytest.approx([0.25] * 4)
    assert set(line.y) == {"entropy of the state", "log d"}
    assert max(line.y["entropy of the state"]) < 1e-9


def test_the_truth_has_the_description_accuracy_of_the_process():
    found = {f.title: f.figures for f in read_all(published(), task())}
    accuracy = found["Description accuracy"]
    assert accuracy["DA"] == pytest.approx(accuracy["DA of the true process"], abs=1e-9)


def test_an_idle_chain_keeps_its_state_open():
    """Emissions that tell nothing: the belief stays the stationary law, log 2."""
    half = torch.full((2, 2), 0.5, dtype=torch.float64)
    model = QuantumChannel.from_hmm(half, half.repeat(1, 2) / 2)
    finding = read_channel(model, task())
    assert finding is not None
    assert finding.figures["state entropy"] == pytest.approx(math.log(2), abs=1e-9)
    assert finding.figures["state entropy, share of the most there can be"] == pytest.approx(1)


def test_the_most_there_can_be_is_log_d():
    """Three states of which nothing is ever told."""
    third = torch.full((3, 3), 1 / 3, dtype=torch.float64)
    model = QuantumChannel.from_hmm(third, torch.full((3, 4), 0.25, dtype=torch.float64))
    finding = read_channel(model, task())
    assert finding is not None
    assert finding.figures["state entropy, share of the most there can be"] == pytest.approx(1)
    line = finding.exhibits[1]
    assert isinstance(line, Lines)
    assert set(line.y["log d"]) == {math.log(3)}


def test_nothing_else_is_read():
    assert read_channel(nn.Linear(2, 2), task()) is None
