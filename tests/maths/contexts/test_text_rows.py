"""Rows of batches as texts, with and without cuts at what is not scored."""

import torch

from interpretable_arch.maths.contexts.text_rows import rows_of, stretches_of


def lists(texts: list[torch.Tensor]) -> list[list[int]]:
    return [t.tolist() for t in texts]


def test_every_row_ends_with_its_last_target() -> None:
    tokens = torch.tensor([[1, 2], [3, 0]])
    batches = [(tokens, torch.tensor([[2, 5], [0, -100]])), (tokens[:1], torch.tensor([[2, 4]]))]
    assert lists(rows_of(batches)) == [[1, 2, 5], [3, 0], [1, 2, 4]]
    assert lists(stretches_of(batches)) == lists(rows_of(batches))


def test_a_target_within_a_row_that_is_not_scored_cuts_a_stretch_and_no_row() -> None:
    tokens = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    targets = torch.tensor([[2, -100, 4, 9], [-100, -100, 8, -100]])
    assert lists(rows_of([(tokens, targets)])) == [[1, 2, 3, 4, 9], [5, 6, 7, 8]]
    assert lists(stretches_of([(tokens, targets)])) == [[1, 2], [3, 4, 9], [5], [6], [7, 8]]
