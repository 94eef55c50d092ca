"""Every place has one class, the classes are words, the commonest are the longest."""

import pytest
import torch

from interpretable_arch.maths.processes.word_classes import inner_places, word_classes

TEXT = torch.tensor([0, 1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0])


def words(numbers: torch.Tensor, places: torch.Tensor, length: int, backwards: bool) -> set:
    """Which words of one length stand at each class."""
    found = set()
    for number, place in zip(numbers.tolist(), places.tolist(), strict=True):
        cut = TEXT[place - length : place] if backwards else TEXT[place : place + length]
        found.add((number, tuple(cut.tolist())))
    return found


@pytest.mark.parametrize("backwards", [True, False])
def test_enough_classes_are_all_words_of_one_length(backwards: bool) -> None:
    tokens, places = inner_places([TEXT], 2)
    numbers = word_classes(tokens, places, backwards, most=4, longest=2)
    found = words(numbers, places, 2, backwards)
    assert len(found) == len({word for _, word in found}) == len({number for number, _ in found})


def test_the_commonest_class_is_split_first() -> None:
    tokens = torch.tensor([0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    tokens, places = inner_places([tokens], 2)
    numbers = word_classes(tokens, places, True, most=3, longest=2)
    # 1 | 00 | 10: the one in the middle is the end of no longer word.
    assert len(set(numbers.tolist())) == 3
    after_one = numbers[places == 7]
    assert (numbers == after_one).sum() == 1


def test_places_keep_their_distance_from_the_ends() -> None:
    rows = [torch.arange(7), torch.arange(2), torch.arange(6)]
    tokens, places = inner_places(rows, 2)
    assert len(tokens) == 15
    assert places.tolist() == [2, 3, 4, 5, 11, 12, 13]


def test_rows_that_are_too_short_are_refused() -> None:
    with pytest.raises(ValueError, match="wanted one of at least 7 symbols, got at most 6"):
        inner_places([torch.zeros(6, dtype=torch.long)], 3)
