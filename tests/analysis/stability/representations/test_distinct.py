"""Inputs that all seeds represent alike are found, to rounding, and none are merged that differ."""

import pytest
import torch

from analysis.stability.representations.distinct import distinct_inputs


def test_groups_are_found_by_hand() -> None:
    one = torch.tensor([[1.0, 0.0], [2.0, 0.0], [1.0, 0.0], [2.0, 0.0], [1.0, 0.0]])
    other = torch.tensor([[0.0], [5.0], [0.0], [6.0], [0.0]])
    assert distinct_inputs([one]).tolist() == [0, 1]
    assert distinct_inputs([one, other]).tolist() == [0, 1, 3]


def test_rounding_tells_nothing_apart_and_small_differences_do(generator: torch.Generator) -> None:
    x = torch.randn(40, 6, generator=generator)[torch.randint(0, 40, (500,), generator=generator)]
    blurred = x * (1 + 1e-7 * torch.randn(x.shape, generator=generator))
    assert len(distinct_inputs([x, blurred])) == len(x.unique(dim=0))
    apart = x + 1e-3 * torch.randn(x.shape, generator=generator)
    assert distinct_inputs([x, apart]).tolist() == list(range(500))


def test_other_numbers_of_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"same inputs of every seed, got \[2, 3\]"):
        distinct_inputs([torch.ones(2, 1), torch.ones(3, 1)])
