"""Rational automata: the least one, equality for certain, generating functions, run in floats."""

import itertools
from fractions import Fraction

import pytest
import sympy
import torch

from analysis.reading.sequences.exact_automaton import (
    ExactAutomaton,
    exact,
    generating_function,
    minimal,
    rational,
    realisation,
    spanning_words,
    telling_word,
)

# Weather seen through whether someone carries an umbrella: T, then p(symbol | state).
WEATHER = exact(
    ["4/5", "1/5"],
    [[["63/100", "7/100"], ["2/25", "3/25"]], [["27/100", "3/100"], ["8/25", "12/25"]]],
    [1, 1],
)


def doubled() -> ExactAutomaton:
    """The same process with its first state split in two that behave alike."""
    split = sympy.Matrix([[Fraction(1, 3), Fraction(2, 3), 0], [0, 0, 1]])
    joined = sympy.Matrix([[1, 0], [1, 0], [0, 1]])
    operators = tuple(joined * o * split for o in WEATHER.operators)
    return ExactAutomaton(WEATHER.start * split, operators, joined * WEATHER.end)


def as_floats(model: ExactAutomaton) -> tuple:
    def table(matrix: sympy.Matrix) -> torch.Tensor:
        return torch.tensor(matrix.tolist(), dtype=torch.float64)

    return (
        table(model.start)[0],
        torch.stack([table(o) for o in model.operators]),
        table(model.end)[:, 0],
    )


def float_value(model: tuple, word: tuple[int, ...]) -> float:
    start, operators, end = model
    for symbol in word:
        start = start @ operators[symbol]
    return float(start @ end)


def test_a_value_by_hand() -> None:
    # p(0) = 4/5 * 7/10 + 1/5 * 1/5
    assert WEATHER.value((0,)) == sympy.Rational(3, 5)
    assert WEATHER.value(()) == 1


def test_a_doubled_state_is_found_to_be_one() -> None:
    three = doubled()
    two = minimal(three)
    assert (three.states, two.states) == (3, 2)
    assert telling_word(three, WEATHER) is None
    assert telling_word(two, WEATHER) is None


def test_minimal_gives_the_values_of_the_float_model_again() -> None:
    floats, found = as_floats(doubled()), minimal(doubled())
    for n in range(6):
        for word in itertools.product(range(2), repeat=n):
            assert float(found.value(word)) == pytest.approx(float_value(floats, word), abs=1e-14)


def test_a_realisation_needs_the_values_alone() -> None:
    words = [(), (0,), (1,)]
    found = realisation(WEATHER.value, 2, words, words)
    assert found.states == 2
    assert telling_word(found, WEATHER) is None
    with pytest.raises(ValueError, match="empty word"):
        realisation(WEATHER.value, 2, [(0,)], words)


def test_what_is_nowhere_has_one_idle_state() -> None:
    nothing = exact([0, 0], [[[1, 0], [0, 1]]], [1, 1])
    found = minimal(nothing)
    assert found.states == 1
    assert found.value((0, 0)) == 0


def test_two_models_that_differ_are_told_apart_by_a_shortest_word() -> None:
    changed = exact(
        ["4/5", "1/5"],
        [[["63/100", "7/100"], ["2/25", "3/25"]], [["27/100", "3/100"], ["12/25", "8/25"]]],
        [1, 1],
    )
    word = telling_word(WEATHER, changed)
    assert word is not None
    assert WEATHER.value(word) != changed.value(word)
    shorter = itertools.chain(*(itertools.product(range(2), repeat=n) for n in range(len(word))))
    assert all(WEATHER.value(w) == changed.value(w) for w in shorter)
    with pytest.raises(ValueError, match="wanted 2 symbols, got 1"):
        telling_word(WEATHER, exact([1], [[[1]]], [1]))


def test_a_generating_function_is_the_series_of_the_float_model() -> None:
    z, floats = sympy.Symbol("z"), as_floats(WEATHER)
    found = generating_function(WEATHER, [1, 0])
    series = sympy.Poly(sympy.series(found, z, 0, 8).removeO(), z).all_coeffs()[::-1]
    for n, coefficient in enumerate(series):
        assert float(coefficient) == pytest.approx(float_value(floats, (0,) * n), abs=1e-14)
    # All symbols together: one in every place, 1 / (1 - z).
    assert sympy.simplify(generating_function(WEATHER, [1, 1]) - 1 / (1 - z)) == 0
    with pytest.raises(ValueError, match="weights: wanted 2, got 1"):
        generating_function(WEATHER, [1])


def test_a_doubled_state_cancels_in_the_generating_function() -> None:
    wanted = generating_function(WEATHER, [1, 0])
    assert sympy.simplify(generating_function(doubled(), [1, 0]) - wanted) == 0


def test_floats_become_the_rationals_they_are_or_the_nearest() -> None:
    floats = as_floats(WEATHER)
    found = rational(floats)
    assert found.value((0, 1)) != WEATHER.value((0, 1))
    assert float(found.value((0, 1))) == pytest.approx(float(WEATHER.value((0, 1))), abs=1e-16)
    assert telling_word(rational(floats, 1000), WEATHER) is None


def test_spanning_words_are_a_basis_of_what_is_reached() -> None:
    words = spanning_words(doubled().start, doubled().operators)
    assert words[0] == ()
    assert len(words) == 2
