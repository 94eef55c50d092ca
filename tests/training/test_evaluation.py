"""Evaluation in pieces is evaluation of the whole."""

import pytest
import torch
from toy_models import Pairs

from training.block import OneSeed
from training.data.task import Split, Stream
from training.evaluation import evaluate, fixed_indices
from training.objective import accuracy, cross_entropy


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("piece", [1, 4, 100])
def test_pieces_weigh_by_their_counted_targets(piece: int) -> None:
    torch.manual_seed(0)
    inputs = torch.randint(5, (9, 2))
    targets = torch.where(torch.arange(9) % 3 == 0, -100, inputs.sum(-1) % 5)
    model = Pairs(5, 5)
    measured = evaluate(OneSeed(model).measures, Split(inputs, targets), 3, piece)
    if piece == 1:  # a piece without any target has no mean
        assert measured.isnan().all()
        return
    outputs = model(inputs)
    whole = torch.stack([cross_entropy(outputs, targets), accuracy(outputs, targets).double()])
    torch.testing.assert_close(measured[0], whole, rtol=1e-12, atol=1e-12)


def test_accuracy_by_hand() -> None:
    outputs = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0], [0.0, 9.0]])
    assert accuracy(outputs, torch.tensor([0, 0, -100, 1])) == pytest.approx(2 / 3)
    assert accuracy(outputs, torch.randn(4)).isnan()


def test_windows_are_spread_over_the_stream() -> None:
    stream = Stream(torch.arange(20), torch.arange(10), context=4)
    assert fixed_indices(stream, 4).tolist() == [0, 3, 6, 9]
    assert fixed_indices(stream, 100).tolist() == list(range(10))
    assert fixed_indices(Split(torch.zeros(7), torch.zeros(7)), 2).tolist() == list(range(7))
