"""AUROC, calibration and explained variance, by hand and by what they mean."""

import pytest
import torch
from torch import nn

from analysis.reading.tables.discrimination import (
    auroc,
    calibration,
    explained,
    read_discrimination,
)
from training.data.images import images
from training.data.tables import tables


def test_auroc_is_the_chance_that_a_pair_is_in_order():
    scores = torch.tensor([0.1, 0.4, 0.35, 0.8])
    outputs = torch.stack([torch.zeros(4), scores], 1)
    # Of the four pairs (0 or 1) x (2 or 3) three are in order.
    assert auroc(outputs, torch.tensor([0, 0, 1, 1])) == pytest.approx(0.75)
    assert auroc(outputs + 5, torch.tensor([0, 0, 1, 1])) == pytest.approx(0.75)


def test_auroc_of_more_classes_and_of_one():
    outputs = torch.eye(3)[[0, 1, 2, 0]]
    assert auroc(outputs, torch.tensor([0, 1, 2, 0])) == 1.0
    # Class 1 has the scores .58 .21 against .21 .21: half of the equal ones count.
    assert auroc(outputs, torch.tensor([0, 1, 1, 0])) == pytest.approx((1.0 + 0.75) / 2)
    one = auroc(outputs, torch.zeros(4).long())
    assert one != one


def test_calibration_by_hand():
    outputs = torch.log(torch.tensor([[0.75, 0.25]])).expand(4, 2)
    assert calibration(outputs, torch.tensor([0, 0, 0, 1])) == pytest.approx(0, abs=1e-6)
    assert calibration(outputs, torch.tensor([1, 1, 1, 1])) == pytest.approx(0.75)


def test_explained_is_one_for_the_values_and_zero_for_their_mean():
    values = torch.tensor([[1.0], [2.0], [6.0]], dtype=torch.float64)
    assert explained(values, values) == 1.0
    assert explained(torch.full((3, 1), 3.0).double(), values) == pytest.approx(0)


def test_any_model_on_a_table_is_read_and_on_pictures_none():
    task = tables("iris", standardised=True)
    torch.manual_seed(0)
    found = read_discrimination(nn.Linear(4, 3).double(), task)
    assert found is not None
    assert 0 <= found.figures["AUROC"] <= 1
    assert read_discrimination(nn.Linear(64, 10), images()) is None
    values = read_discrimination(nn.Linear(10, 1).double(), tables("diabetes"))
    assert values is not None
    assert list(values.figures) == ["share of variance explained"]
