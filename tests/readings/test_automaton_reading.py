"""The certificate's conditions one by one, and what is said of the formula where the floor acts."""

import math

import pytest
import torch

from interpretable_arch.maths.processes.automata import floored, floors, readout, states_after
from interpretable_arch.maths.processes.distance import States
from interpretable_arch.readings.automaton_reading import certify, product_formula, read_automaton
from training.data.hidden_process import planted

GAP = "last correlation kept less the next"
EDGE = "last correlation kept less the edge of the noise"
MOVED = "process moved since the fit"


def process() -> States:
    found = planted("hmm", 3, 4, process_seed=1)
    return tuple(torch.as_tensor(p) for p in (found.start, found.operators, found.end))  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(
    ("correlations", "edge", "moved", "failed"),
    [
        ([1.0, 0.5, 0.3, 0.1], 0.2, 0.0, []),
        ([1.0, 0.5, 0.3, 0.3], 0.2, 0.0, [GAP]),
        ([1.0, 0.5, 0.3, 0.1], 0.3, 0.0, [EDGE]),
        ([1.0, 0.5, 0.3, 0.1], 0.2, 1e-3, [MOVED]),
        ([1.0, 0.5, 0.3, 0.1], 0.2, math.nan, [MOVED]),
    ],
)
def test_each_condition_fails_alone(float64, correlations, edge, moved, failed) -> None:
    noise = torch.tensor([edge, 3.0, 1000.0])
    found = certify(process(), torch.tensor(correlations), noise, moved)
    assert [c.name for c in found.failed] == failed
    assert "given these counts" in found.unique
    assert "Of another text this says nothing" in found.unique


def test_the_formula_says_that_it_is_before_the_floor_and_where_that_matters(float64) -> None:
    start, operators, end = process()
    operators = operators.clone()
    operators[3] *= -1e-4  # odds below zero of one token, after every word
    model = start, operators, end
    formula = product_formula(model, 0.1)
    assert formula.name == "product of tokens, before the floor"
    words = torch.cartesian_prod(torch.arange(4), torch.arange(4))
    odds = states_after(model, words)[:, -1] @ readout(model)[0].T
    change = (floored(odds, floors(model, 0.1)) - odds).abs().amax(-1)
    assert formula.error == pytest.approx(float(change.max()))
    notes = read_automaton(model, 0.1, ("more",)).notes
    assert notes[-1] == "more"
    wanted = "exact after 0 of the 16 words of 2 tokens, after 16 the floor raises some"
    assert wanted in notes[-2]
    kept = read_automaton(process(), 1e-9).notes
    assert kept == (
        "product of tokens: the floor raises no odds after any of the 16 words of 2 tokens",
    )
