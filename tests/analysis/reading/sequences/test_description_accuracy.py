"""DA is 0 for guessing, the process's own for the truth, and never counts the burn-in."""

import math

import pytest
import torch
from torch import Tensor, nn

from analysis.reading.findings import read_all
from analysis.reading.sequences.description_accuracy import (
    description_accuracy,
    read_description_accuracy,
    row_log_likelihood,
)
from training.data import build_task


class Guess(nn.Module):
    """Every symbol alike."""

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.zeros(*tokens.shape, 4)


def test_by_hand() -> None:
    likelihood = torch.tensor([0.0, -3 * math.log(2), -12 * math.log(2)])
    found = description_accuracy(likelihood, scored=3, symbols=4)
    bent = (1 - math.exp(0.25)) / (1 + math.exp(0.25))
    torch.testing.assert_close(found, torch.tensor([1, 0.5, bent]))


def test_the_burn_in_is_not_counted() -> None:
    outputs = torch.log(torch.tensor([[[0.5, 0.5], [0.25, 0.75]]]))
    found = row_log_likelihood(outputs, torch.tensor([[-100, 1]]))
    assert float(found) == pytest.approx(math.log(0.75))


def test_guessing_is_zero_and_the_truth_is_shown() -> None:
    task = build_task("hidden_process", {"length": 300, "burn_in": 100})
    finding = read_description_accuracy(Guess(), task)
    assert finding is not None
    assert finding.figures["DA"] == pytest.approx(0, abs=1e-6)
    assert finding.figures["DA of the true process"] == pytest.approx(0.25, abs=0.05)
    assert finding in read_all(Guess(), task)
    assert "200 symbols of each scored" in finding.notes[0]


def test_other_tasks_have_none() -> None:
    assert read_description_accuracy(Guess(), build_task("groups", {"group": "Z4"})) is None


@pytest.mark.parametrize(("scored", "symbols"), [(0, 4), (3, 1)])
def test_mistakes_are_named(scored: int, symbols: int) -> None:
    with pytest.raises(ValueError, match="scored and symbols"):
        description_accuracy(torch.zeros(1), scored, symbols)
