"""The automaton of a counted Hankel matrix: by hand, from exact frequencies, as it converges."""

import itertools

import numpy as np
import pytest
import torch

from interpretable_arch.maths.processes.automata import floored, floors, readout
from interpretable_arch.maths.processes.distance import process_distance
from interpretable_arch.maths.processes.hankel import Triples, spectrum
from interpretable_arch.maths.processes.spectral_choice import (
    Search,
    choose,
    class_numbers,
    counted,
)
from training.data.hidden_process import planted
from training.data.observable_operators import ObservableOperators, of_hidden_markov


def states_of(process: ObservableOperators) -> tuple:
    parts = (process.start, process.operators, process.end)
    return tuple(torch.from_numpy(np.ascontiguousarray(part)) for part in parts)


def exact_triples(process: ObservableOperators, unit: int) -> Triples:
    """Every past, symbol and two futures of one symbol, as often as p times `unit` says."""
    size, rows = len(process.operators), []
    for u, x, v in itertools.product(range(size), repeat=3):
        a, A, b = process.start, process.operators, process.end
        times = round(unit * float(a @ A[u] @ A[x] @ A[v] @ b))
        rows += [(u, x, x, v)] * times
    return Triples(*torch.tensor(rows).T)


def test_from_exact_frequencies_the_process_comes_back(float64) -> None:
    # Probabilities that are whole numbers of 1/8^3: nothing is rounded, so nothing is lost.
    process = of_hidden_markov(
        np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.75, 0.25], [0.25, 0.75]])
    )
    found = spectrum(exact_triples(process, 512), vocab=2, lead=2)
    assert found.above_noise == 1
    assert process_distance(found.automaton(1), states_of(process)) < 1e-7


def test_two_states_by_hand(float64) -> None:
    """A coin that is mostly left as it lies: the second correlation is what a toss keeps."""
    stay = 0.75
    process = of_hidden_markov(np.array([[stay, 1 - stay], [1 - stay, stay]]), np.eye(2))
    found = spectrum(exact_triples(process, 3200), vocab=2, lead=2)
    torch.testing.assert_close(found.correlations, torch.tensor([1.0, 2 * stay - 1]))
    assert process_distance(found.automaton(2), states_of(process)) < 1e-7
    with pytest.raises(ValueError, match="wanted 1 to 2, the rank of the Hankel matrix, got 3"):
        found.automaton(3)


def test_states_stand_above_the_noise_and_the_process_is_approached(float64) -> None:
    process, gaps = planted("two_states_four_symbols"), []
    for length in (1000, 8000, 64000):
        rows = list(torch.from_numpy(process.draw(4, length // 4, seed=3)))
        triples, _ = counted(rows, 16, 4)
        found = spectrum(triples, 4, 8)
        gaps.append(process_distance(found.automaton(3), states_of(process)))
    assert found.above_noise == 3
    assert gaps[2] < gaps[0] / 3
    assert gaps[2] < 0.02


def test_noise_has_one_state(float64) -> None:
    rows = list(torch.randint(5, (4, 4000), generator=torch.Generator().manual_seed(1)))
    triples, _ = counted(rows, 25, 4)
    found = spectrum(triples, 5, 8)
    assert found.above_noise == 1
    assert 0.5 * found.edge < float(found.correlations[1]) < found.edge


def test_the_choice_sees_the_training_rows_and_finds_the_planted_number(float64) -> None:
    rows = list(torch.from_numpy(planted("two_states_four_symbols").draw(8, 1500, seed=0)))
    search = Search(vocab=4, classes=64, states=8, longest=4)
    found = choose(rows, search, None)
    assert found.best.states == 3
    again = choose(rows, search, None)
    assert found.tried == again.tried
    assert {trial.classes for trial in found.tried} == set(class_numbers(search))
    given = choose(rows, search, 2)
    assert given.best.states == 2


def test_more_states_than_the_matrix_holds_are_refused(float64) -> None:
    rows = list(torch.randint(2, (4, 300), generator=torch.Generator().manual_seed(1)))
    with pytest.raises(ValueError, match="rank of the Hankel matrix, got 9"):
        choose(rows, Search(2, 8, 9, 3), 9)


def test_each_block_is_foretold_by_the_others_and_not_by_itself(float64) -> None:
    """The slow way: rows of 60 are pieces, each read symbol by symbol, its first 15 not scored."""
    rows = list(torch.randint(3, (8, 60), generator=torch.Generator().manual_seed(2)))
    found = choose(rows, Search(3, 9, 2, 2, floor=0.1), 2)
    triples, fold = counted(rows, found.best.classes, 2)
    losses = []
    for block in range(4):
        others = triples.at((fold != block).nonzero().squeeze(1))
        start, A, _ = model = spectrum(others, 3, 2).automaton(2)
        each, mass = readout(model)
        least = floors(model, 0.1)
        for row in rows[2 * block : 2 * block + 2]:
            state = start / (start @ mass)
            for place, symbol in enumerate(row.tolist()):
                if place > 15:  # the first symbol is foretold by none
                    losses.append(-floored(each @ state, least)[symbol].log())
                state = state @ A[symbol]
                state = state / (state @ mass)
    assert found.best.loss == pytest.approx(float(torch.stack(losses).mean()), rel=1e-9)


def test_a_long_piece_is_read_in_for_fifty_symbols(float64) -> None:
    """What is wrong in the first fifty symbols of each piece costs nothing."""
    rows = list(torch.randint(3, (4, 400), generator=torch.Generator().manual_seed(2)))
    found = choose(rows, Search(3, 3, 1, 1, floor=0.1), 1)
    triples, fold = counted(rows, 3, 1)
    losses = []
    for block, row in enumerate(rows):
        model = spectrum(triples.at(fold != block), 3, 1).automaton(1)
        each, mass = readout(model)
        p = floored(each @ model[0] / (mass @ model[0]), floors(model, 0.1))
        losses.append(-p.log()[row[51:]])
    assert found.best.loss == pytest.approx(float(torch.cat(losses).mean()), rel=1e-9)


@pytest.mark.parametrize("longest", [1, 4])
def test_the_shortest_row_is_as_stated(float64, longest: int) -> None:
    size = 2 * longest + 2
    row = torch.arange(size) % 2
    search = Search(2, 4, 1, longest)
    assert choose([row], search, 1).best.states == 1
    for rows in ([row[:-1]], [row[:-2]] * 9, [], [row[:0]]):
        with pytest.raises(ValueError, match=f"one row of at least {size} symbols has"):
            choose(rows, search, 1)
