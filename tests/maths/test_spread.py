"""Places spread evenly: by hand, and no place twice."""

import pytest

from interpretable_arch.maths.spread import evenly


def test_by_hand():
    assert evenly(10, 4).tolist() == [0, 3, 6, 9]
    assert evenly(3, 10).tolist() == [0, 1, 2]
    assert evenly(5, 1).tolist() == [0]
    assert evenly(0, 3).tolist() == []


@pytest.mark.parametrize("length", [7, 490, 2160, 123_457])
def test_places_differ_and_reach_both_ends(length):
    places = evenly(length, 1024)
    assert len(places.unique()) == min(length, 1024)
    assert (places[0], places[-1]) == (0, length - 1)
