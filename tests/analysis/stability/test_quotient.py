"""H(Theta) = H(Theta/G) + log|G|, by enumeration of all that a toy training reaches."""

import math
from collections import Counter
from itertools import product

import pytest
import torch

from analysis.stability.entropies.quotient import (
    ADAM,
    SGD,
    TrainingSymmetry,
    entropy_of_functions,
    not_free,
    quotient,
)
from interpretable_arch.symmetries.groups import Orthogonal, Permutation, Sign
from interpretable_arch.symmetry import Action, Factor, Symmetry

ACTIONS = (Action("w", 0),)
SIGNED = Symmetry((Factor("signs", Sign(3), ACTIONS), Factor("units", Permutation(3), ACTIONS)))
UNITS = Symmetry((Factor("units", Permutation(3), ACTIONS),))


def bits(counts: Counter) -> float:
    total = sum(counts.values())
    return -math.fsum(c / total * math.log2(c / total) for c in counts.values())


def trained(start: tuple[int, ...], lean: int = 0) -> tuple[int, ...]:
    """Three units with integer weights: a step that treats units and signs alike, plus `lean`."""
    size = max(abs(w) for w in start)
    step = [w + (1 if w > 0 else -1) * (abs(w) == size) * 3 for w in start]
    return (step[0] + lean * 100, *step[1:])


def reached(lean: int) -> list[tuple[int, ...]]:
    starts = product((-3, -2, -1, 1, 2, 3), repeat=3)
    return [trained(s, lean) for s in starts if len({abs(w) for w in s}) == 3]


def function(theta: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(abs(w) for w in theta))


def test_identity_by_enumeration() -> None:
    every = reached(0)
    weights, functions = bits(Counter(every)), bits(Counter(map(function, every)))
    found = quotient(SIGNED, ADAM)
    assert found.bits == pytest.approx(math.log2(6 * 8))
    assert weights == pytest.approx(functions + found.bits)
    assert entropy_of_functions(weights, found) == pytest.approx(functions)
    for theta in set(every):
        assert not_free(SIGNED, ADAM, {"w": torch.tensor(theta)[:, None].double()}) == ()


def test_more_than_one_function(generator: torch.Generator) -> None:
    starts = product(range(-4, 5), repeat=3)
    every = [trained(s) for s in starts if len({abs(w) for w in s}) == 3 and 0 not in s]
    weights, functions = bits(Counter(every)), bits(Counter(map(function, every)))
    assert functions > 1
    assert weights == pytest.approx(functions + quotient(SIGNED, ADAM).bits)


def test_training_that_prefers_a_unit_breaks_it() -> None:
    """The architecture's group is as before; what training keeps is less, and the gap shows it."""
    start = [s for s in product((1, 2, 3), repeat=3) if len(set(s)) == 3]
    sorted_only = [tuple(sorted(s)) for s in start]  # an initialisation in order of size
    weights, functions = bits(Counter(sorted_only)), bits(Counter(map(function, sorted_only)))
    assert weights - functions < quotient(UNITS, ADAM).bits - 1
    with pytest.raises(ValueError, match="entropy: wanted at least log"):
        entropy_of_functions(weights, quotient(UNITS, ADAM))
    assert quotient(UNITS, TrainingSymmetry("sorted", ())).bits == 0


def test_architecture_and_training_are_two_arguments() -> None:
    turned = Symmetry((*SIGNED.factors, Factor("turns", Orthogonal(4), (Action("v", 0),))))
    adam, sgd = quotient(turned, ADAM), quotient(turned, SGD)
    assert adam.bits == sgd.bits == pytest.approx(math.log2(48))
    assert (adam.not_respected, adam.continuous) == (("turns",), ())
    assert (sgd.not_respected, sgd.continuous) == ((), ("turns",))
    assert "not respected by adam, not counted: turns" in adam.statement
    assert "holds no" in quotient(Symmetry(()), ADAM).statement.replace("hold no", "holds no")


def test_copies_multiply() -> None:
    heads = Symmetry((Factor("heads", Permutation(4), ACTIONS, copies=3),))
    assert quotient(heads, ADAM).bits == pytest.approx(3 * math.log2(24))


def test_units_alike_are_not_moved() -> None:
    w = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.5, 0.0]])
    assert not_free(UNITS, ADAM, {"w": w}) == ("units",)
    w[1] = -w[0]
    assert not_free(UNITS, ADAM, {"w": w}) == ()
    assert not_free(SIGNED, ADAM, {"w": w}) == ("units",)
    w[1], w[2] = torch.tensor([3.0, 1.0]), 0.0
    assert not_free(SIGNED, ADAM, {"w": w}) == ("signs",)
