"""A planted process by one real matrix a symbol: p(x_1 .. x_n) = a A_{x_1} .. A_{x_n} b.

Hidden Markov models and hidden quantum Markov models both have this form (Jaeger 2000; Srinivasan,
Gordon & Boots 2018, arXiv 1710.09016): A_x = diag(p(x | state)) T, or, on the real coordinates of a
density matrix in an orthonormal Hermitian basis, rho -> sum_i K_{x,i} rho K_{x,i}*.
The row a is stationary (a sum_x A_x = a) and (sum_x A_x) b = b, a b = 1.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ObservableOperators:
    """`start` [state], `operators` [symbol, state, state], `end` [state]."""

    start: np.ndarray
    operators: np.ndarray
    end: np.ndarray

    def draw(self, rows: int, length: int, seed: int) -> np.ndarray:
        """Independent rows of the stationary process, [row, position], a function of `seed`."""
        draw = np.random.default_rng(seed)
        state, out = np.tile(self.start, (rows, 1)), np.empty((rows, length), dtype=np.int64)
        for position in range(length):
            # Rounding can leave a probability a hair below zero.
            odds = self._next(state).clip(min=0)
            bound = draw.random((rows, 1)) * odds.sum(1, keepdims=True)
            out[:, position] = (odds.cumsum(1) < bound).sum(1)
            state = self._step(state, out[:, position])
        return out

    def loss(self, rows: np.ndarray, burn_in: int) -> float:
        """Mean of -log p(symbol | row so far) over the places from `burn_in` on, in nats."""
        state, total = np.tile(self.start, (len(rows), 1)), 0.0
        for position in range(rows.shape[1]):
            symbol = rows[:, position]
            if position >= max(burn_in, 1):
                chosen = np.take_along_axis(self._next(state), symbol[:, None], 1)
                total -= float(np.log(chosen).sum())
            state = self._step(state, symbol)
        return total / (len(rows) * (rows.shape[1] - max(burn_in, 1)))

    def _next(self, state: np.ndarray) -> np.ndarray:
        """p(symbol | state), [row, symbol]."""
        return np.einsum("ri,xij,j->rx", state, self.operators, self.end)

    def _step(self, state: np.ndarray, symbol: np.ndarray) -> np.ndarray:
        moved = np.einsum("ri,rij->rj", state, self.operators[symbol])
        return moved / (moved @ self.end)[:, None]


def of_hidden_markov(transition: np.ndarray, emission: np.ndarray) -> ObservableOperators:
    """From p(next state | state) [state, state] and p(symbol | state) [state, symbol].

    Raises ValueError for shapes that do not fit and for rows that are no distributions.
    """
    states = len(transition) if transition.ndim == 2 else 0
    for name, table in (("transition", transition), ("emission", emission)):
        if table.ndim != 2 or table.size == 0 or len(table) != states:
            wanted = f"{states} rows of numbers" if states else "a row of numbers for each state"
            raise ValueError(f"{name}: wants {wanted}, got shape {table.shape}")
        if not np.isfinite(table).all() or table.min() < 0:
            raise ValueError(f"{name}: wants finite numbers >= 0, got {table.tolist()}")
        if np.abs(table.sum(1) - 1).max() > 1e-6:
            raise ValueError(f"{name}: wants rows that sum to 1, got {table.sum(1)}")
    if transition.shape[0] != transition.shape[1]:
        raise ValueError(f"transition: wants a square matrix, got shape {transition.shape}")
    operators = np.einsum("ix,ij->xij", emission, transition)
    return _stationary(operators, np.ones(len(transition)))


def of_kraus(kraus: np.ndarray) -> ObservableOperators:
    """From Kraus operators [symbol, operator, d, d], complex, with sum K* K = 1.

    Raises ValueError for another shape or sum.
    """
    if kraus.ndim != 4 or kraus.shape[2] != kraus.shape[3]:
        raise ValueError(f"kraus: wants shape [symbol, operator, d, d], got {kraus.shape}")
    size = kraus.shape[-1]
    total = np.einsum("xkji,xkjl->il", kraus.conj(), kraus)
    off = np.abs(total - np.eye(size)).max()
    if off > 1e-8:
        raise ValueError(f"kraus: wants sum K* K = 1, got a sum off by {off:.3g}")
    basis = hermitian_basis(size)
    operators = np.einsum("jba,xkac,icd,xkbd->xij", basis, kraus, basis, kraus.conj()).real
    return _stationary(operators, np.einsum("iaa->i", basis).real)


def hermitian_basis(size: int) -> np.ndarray:
    """[size^2, size, size] Hermitian matrices, orthonormal under tr(A B)."""
    basis, number = np.zeros((size**2, size, size), dtype=complex), 0
    for i in range(size):
        for j in range(size):
            if i == j:
                basis[number, i, i] = 1
            else:
                # Above the diagonal the real one of a pair, below it the imaginary one.
                basis[number, i, j] = 1 / np.sqrt(2) if i < j else 1j / np.sqrt(2)
                basis[number, j, i] = basis[number, i, j].conj()
            number += 1
    return basis


def _stationary(operators: np.ndarray, end: np.ndarray) -> ObservableOperators:
    """The process in its stationary state; ValueError where there are several."""
    step = operators.sum(0) - np.eye(len(end))
    if np.linalg.svd(step, compute_uv=False)[-2:][0] < 1e-9 and len(end) > 1:
        raise ValueError("process: wants one stationary state, this one has several")
    # a (A - 1) = 0 and a b = 1, in one least-squares problem.
    system = np.concatenate([step.T, end[None]])
    start = np.linalg.lstsq(system, np.eye(len(system))[-1], rcond=None)[0]
    return ObservableOperators(start, operators, end)
