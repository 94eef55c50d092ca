"""Planted processes: their probabilities are those of the definition, their rows follow them."""

import itertools
import math

import numpy as np
import pytest
import torch

from training.data import build_task
from training.data.hidden_process import planted, published_kraus, random_kraus
from training.data.observable_operators import (
    ObservableOperators,
    hermitian_basis,
    of_hidden_markov,
    of_kraus,
)
from training.data.rows import IGNORED, Rows
from training.data.task import Stream

WEATHER = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([[0.7, 0.3], [0.2, 0.8]])


def probability(process: ObservableOperators, word: tuple[int, ...]) -> float:
    state = process.start
    for symbol in word:
        state = state @ process.operators[symbol]
    return float(state @ process.end)


def test_a_hidden_markov_model_is_the_sum_over_its_paths() -> None:
    transition, emission = WEATHER
    process, start = of_hidden_markov(transition, emission), np.array([0.8, 0.2])
    for word in itertools.product(range(2), repeat=3):
        paths = 0.0
        for path in itertools.product(range(2), repeat=3):
            p = start[path[0]] * np.prod([emission[s, x] for s, x in zip(path, word, strict=True)])
            paths += p * np.prod([transition[a, b] for a, b in itertools.pairwise(path)])
        assert probability(process, word) == pytest.approx(paths, abs=1e-12)


def test_a_quantum_process_is_the_trace_of_its_channel() -> None:
    kraus = random_kraus(3, 4, 2, np.random.default_rng(1))
    process = of_kraus(kraus)
    basis = hermitian_basis(3)
    state = np.einsum("i,iab->ab", process.start, basis)
    for symbol in (2, 0, 3):
        state = sum(k @ state @ k.conj().T for k in kraus[symbol])
    assert probability(process, (2, 0, 3)) == pytest.approx(np.trace(state).real, abs=1e-12)


@pytest.mark.parametrize("kind", ["hmm", "quantum", "two_states_four_symbols"])
def test_probabilities_sum_to_one_and_are_stationary(kind) -> None:
    process = planted(kind, states=3, symbols=4)
    words = list(itertools.product(range(4), repeat=2))
    assert sum(probability(process, w) for w in words) == pytest.approx(1)
    later = sum(probability(process, (x, 1)) for x in range(4))
    assert later == pytest.approx(probability(process, (1,)))


def test_the_rows_follow_the_process() -> None:
    process = planted("hmm", states=3, symbols=3)
    rows = process.draw(40, 2000, seed=5)
    share = np.bincount(rows[:, :-1].ravel() * 3 + rows[:, 1:].ravel(), minlength=9)
    wanted = [probability(process, w) for w in itertools.product(range(3), repeat=2)]
    np.testing.assert_allclose(share / share.sum(), wanted, atol=0.01)
    assert np.array_equal(rows, process.draw(40, 2000, seed=5))


def test_the_published_process_is_known_to_a_quarter_of_its_entropy() -> None:
    task = build_task("hidden_process", {})
    assert isinstance(task.held_out, Rows)
    assert task.held_out.truth is not None
    # Half of the symbols repeat a measurement just made, for ever: 1.5 of 2 bits a symbol.
    assert task.held_out.truth == pytest.approx(1.5 * math.log(2), abs=0.02)
    kraus = np.asarray(published_kraus())
    np.testing.assert_allclose(np.einsum("xkab,xkac->bc", kraus.conj(), kraus), np.eye(2))


def test_windows_to_train_on_and_whole_rows_held_out() -> None:
    task = build_task("hidden_process", {"rows": 3, "length": 40, "burn_in": 10, "context": 8})
    assert isinstance(task.train, Stream)
    assert len(task.train) == 3 * (40 - 8)
    assert (task.train.starts % 40 < 32).all()
    assert task.held_out.take(torch.arange(10))[0].shape == (10, 39)
    inputs, targets = task.held_out.take(torch.arange(10))
    assert (targets[:, :9] == IGNORED).all()
    assert torch.equal(targets[:, 9:-1], inputs[:, 10:])


def test_the_truth_is_the_loss_of_the_true_process_by_hand() -> None:
    process = of_hidden_markov(*WEATHER)
    word = (0, 1, 1)
    wanted = math.log(probability(process, word[:1]) / probability(process, word)) / 2
    assert process.loss(np.array([word]), burn_in=1) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 50}, "burn_in: wants 0 to 49"),
        ({"context": 3000}, "context: wants 1 to 2999"),
        ({"states": 0}, "states: wants"),
        ({"rows": 0}, "rows: wants"),
        ({"kind": "hmm", "transition": [[1.0]]}, "both or neither"),
        ({"transition": [[1.0]], "emission": [[1.0]]}, "kind 'hmm'"),
        ({"kind": "hmm", "transition": [[0.5]], "emission": [[1.0]]}, "sum to 1"),
        (
            {"kind": "hmm", "transition": [[1.0, 0.0], [0.0, 1.0]], "emission": [[1.0], [1.0]]},
            "one stationary state",
        ),
        ({"kind": "sound"}, "kind"),
        ({"length": 1000}, "burn_in: wants 0 to 999"),
        ({"kind": "hmm", "transition": [[1.0], [1, 0]], "emission": [[1.0]]}, "transition: wants"),
        ({"kind": "hmm", "transition": [[1.0]], "emission": [[1.0], [1, 0]]}, "emission: wants"),
        ({"kind": "hmm", "transition": [], "emission": []}, "transition: wants"),
        ({"kind": "hmm", "concentration": 0.0}, "concentration: wants"),
        ({"kind": "hmm", "concentration": -1.0}, "concentration: wants"),
        ({"process_seed": -1}, "process_seed: wants"),
        ({"data_seed": -1}, "data_seed: wants"),
    ],
)
def test_mistakes_are_named(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        build_task("hidden_process", arguments)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_tables_of_no_probabilities_are_named(bad: float) -> None:
    with pytest.raises(ValueError, match="transition: wants finite numbers"):
        planted("hmm", transition=[[bad]], emission=[[1.0]])
    with pytest.raises(ValueError, match="emission: wants finite numbers"):
        planted("hmm", transition=[[1.0]], emission=[[bad]])
