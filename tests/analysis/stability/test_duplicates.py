"""Runs given twice: found by every bit, and by nothing less."""

import torch
from torch import nn

from analysis.stability.duplicates import duplicates


def test_copies_are_found_with_the_first_that_they_repeat():
    a, b = {"w": torch.ones(3), "v": torch.zeros(2)}, {"w": torch.ones(3), "v": torch.ones(2)}
    found = duplicates([a, b, dict(reversed(a.items())), b, a])
    assert [(d.first, d.second) for d in found] == [(0, 2), (1, 3), (0, 4)]
    assert len(found[0].checksum) == 64


def test_what_differs_in_a_bit_a_name_a_shape_or_a_type_is_no_copy():
    one = torch.ones(4)
    others = [
        {"w": one},
        {"w": one * (1 + 1e-7)},
        {"v": one},
        {"w": one.reshape(2, 2)},
        {"w": one.double()},
        {"w": one, "v": one},
        {},
        {},
    ]
    assert duplicates(others) == ()


def test_models():
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    assert duplicates([m.state_dict() for m in (model, other)]) == ()
    other.load_state_dict(model.state_dict())
    assert len(duplicates([m.state_dict() for m in (model, other)])) == 1
