"""Rows of symbols from a planted hidden process, classical or quantum, whose own loss is known.

"hmm": a hidden Markov model, given or drawn (each row of both tables from a Dirichlet law).
"quantum": random Kraus operators, an isometry drawn uniformly. "two_states_four_symbols": the
published hidden quantum Markov model that no two-state classical one matches (Srinivasan, Gordon &
Boots 2018, arXiv 1710.09016), K = diag(1,0)/sqrt 2, diag(0,1)/sqrt 2, and projections on
(1,1) and (1,-1) divided by sqrt 2.
"""

import math
from typing import Literal

import numpy as np

from training.data.observable_operators import ObservableOperators, of_hidden_markov, of_kraus
from training.data.rows import check_burn_in, rows_task
from training.data.task import Task

Kind = Literal["hmm", "quantum", "two_states_four_symbols"]


def hidden_process(
    kind: Kind = "two_states_four_symbols",
    states: int = 2,
    symbols: int = 4,
    kraus: int = 1,
    concentration: float = 0.3,
    transition: list[list[float]] | None = None,
    emission: list[list[float]] | None = None,
    rows: int = 20,
    held_out_rows: int = 10,
    length: int = 3000,
    context: int | None = None,
    burn_in: int = 1000,
    process_seed: int = 0,
    data_seed: int = 0,
) -> Task:
    """Next-symbol prediction on stationary rows; held-out rows are whole, scored after `burn_in`.

    `states` is the number of hidden states or the dimension of the quantum state, `kraus` the
    number of Kraus operators a symbol, `concentration` that of the Dirichlet law (below 1:
    sparse). `transition` and `emission` give a hidden Markov model instead of drawing one.
    Raises ValueError for numbers that make no process or no rows.
    """
    for name, got in (("states", states), ("symbols", symbols), ("kraus", kraus)):
        if got < 1:
            raise ValueError(f"{name}: wants a whole number from 1 up, got {got}")
    for name, got in (("rows", rows), ("held_out_rows", held_out_rows), ("length", length - 1)):
        if got < 1:
            raise ValueError(f"{name}: wants rows of two symbols or more, got {got}")
    check_burn_in(burn_in, length)
    if data_seed < 0:
        raise ValueError(f"data_seed: wants a whole number from 0 up, got {data_seed}")
    process = planted(
        kind, states, symbols, kraus, concentration, transition, emission, process_seed
    )
    drawn = process.draw(rows + held_out_rows, length, data_seed)
    count = len(process.operators)
    return rows_task(
        f"next of {count} symbols, {kind.replace('_', ' ')}",
        drawn[:rows],
        drawn[rows:],
        [str(symbol) for symbol in range(count)],
        context,
        burn_in,
        process.loss(drawn[rows:], burn_in),
    )


def planted(
    kind: Kind,
    states: int = 2,
    symbols: int = 4,
    kraus: int = 1,
    concentration: float = 0.3,
    transition: list[list[float]] | None = None,
    emission: list[list[float]] | None = None,
    process_seed: int = 0,
) -> ObservableOperators:
    """The process that `hidden_process` draws its rows from, for the same arguments."""
    if (transition is None) != (emission is None):
        raise ValueError("transition and emission: wants both or neither, got one")
    if transition is not None and kind != "hmm":
        raise ValueError(f"transition and emission: want kind 'hmm', got {kind!r}")
    if process_seed < 0:
        raise ValueError(f"process_seed: wants a whole number from 0 up, got {process_seed}")
    if not 0 < concentration < math.inf:
        raise ValueError(f"concentration: wants a number above 0, got {concentration}")
    draw = np.random.default_rng(process_seed)
    if kind == "two_states_four_symbols":
        return of_kraus(published_kraus())
    if kind == "quantum":
        return of_kraus(random_kraus(states, symbols, kraus, draw))
    if transition is None or emission is None:
        tables = [
            draw.dirichlet(np.full(size, concentration), states) for size in (states, symbols)
        ]
        # A little of the uniform keeps every state in reach, so that one stationary law exists.
        tables = [0.98 * table + 0.02 / table.shape[1] for table in tables]
        return of_hidden_markov(*tables)
    return of_hidden_markov(_table("transition", transition), _table("emission", emission))


def _table(name: str, rows: list[list[float]]) -> np.ndarray:
    try:
        return np.array(rows, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: wants rows of numbers of one length, got {rows}") from error


def published_kraus() -> np.ndarray:
    """[4, 1, 2, 2]: two symbols ask the computational basis, two the diagonal one."""
    up, down = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    plus, minus = np.full((2, 2), 0.5), np.array([[0.5, -0.5], [-0.5, 0.5]])
    return np.stack([up, down, plus, minus])[:, None].astype(complex) / np.sqrt(2)


def random_kraus(states: int, symbols: int, kraus: int, draw: np.random.Generator) -> np.ndarray:
    """[symbol, operator, d, d]: the blocks of a uniformly drawn isometry."""
    rows = symbols * kraus * states
    normal = draw.standard_normal((rows, states)) + 1j * draw.standard_normal((rows, states))
    isometry, triangle = np.linalg.qr(normal)
    phase = np.diagonal(triangle) / np.abs(np.diagonal(triangle))
    return (isometry * phase).reshape(symbols, kraus, states, states)
