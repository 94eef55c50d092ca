"""Weighted automata over the rationals: the least one, equality for certain, generating functions.

    f(x_1 .. x_n) = a A_{x_1} .. A_{x_n} b,    H[u, v] = f(uv)

The least number of states is the rank of H (Carlyle & Paz 1971; Fliess 1974). From words u whose
rows and words v whose columns are a basis of H, A_x = H_x H^-1 with H_x[u, v] = f(uxv). Two
automata are equal as soon as no word of a basis tells them apart (Schuetzenberger 1961). Along one
symbol, or along any weights c_x of the symbols, sum_n z^n a (sum_x c_x A_x)^n b is a quotient of
two polynomials. Every number is exact: a float is the rational that it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from interpretable_arch.maths.processes.distance import States

if TYPE_CHECKING:
    import sympy

Word = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ExactAutomaton:
    """`start` [1, n], `operators` [n, n] for each symbol, `end` [n, 1], all rational."""

    start: "sympy.Matrix"
    operators: "tuple[sympy.Matrix, ...]"
    end: "sympy.Matrix"

    @property
    def states(self) -> int:
        return self.start.cols

    def value(self, word: Word) -> "sympy.Rational":
        """f(word)."""
        row = self.start
        for symbol in word:
            row = row * self.operators[symbol]
        return (row * self.end)[0]


def exact(
    start: Sequence[Any], operators: Sequence[Sequence[Sequence[Any]]], end: Sequence[Any]
) -> ExactAutomaton:
    """From nested lists of whole numbers, fractions, or texts such as "1/3"."""
    import sympy

    def table(rows: Any) -> "sympy.Matrix":
        return sympy.Matrix([[_rational(v) for v in row] for row in rows])

    return ExactAutomaton(table([start]), tuple(map(table, operators)), table([[v] for v in end]))


def rational(model: States, denominator: int | None = None) -> ExactAutomaton:
    """The automaton of a float model: its own numbers, or the nearest with such denominators."""

    def near(value: Any) -> Any:
        if isinstance(value, list):
            return [near(v) for v in value]
        found = Fraction(value)
        return found if denominator is None else found.limit_denominator(denominator)

    return exact(*(near(part.detach().double().tolist()) for part in model))


def realisation(
    value: "Callable[[Word], sympy.Rational]",
    symbols: int,
    prefixes: Sequence[Word],
    suffixes: Sequence[Word],
) -> ExactAutomaton:
    """The least automaton of the block of H at these words, which must hold the empty word.

    Right wherever the block has the rank of all of H. Raises ValueError without the empty word.
    """
    import sympy

    if () not in prefixes or () not in suffixes:
        raise ValueError("prefixes and suffixes: want the empty word among them")
    rows = sorted(set(prefixes), key=lambda w: (len(w), w))
    columns = sorted(set(suffixes), key=lambda w: (len(w), w))
    whole = sympy.Matrix([[value(u + v) for v in columns] for u in rows])
    if whole.is_zero_matrix:
        zero = sympy.zeros(1, 1)
        return ExactAutomaton(zero, (zero,) * symbols, zero)
    kept_rows = [rows[i] for i in _pivots(whole.T)]
    kept_columns = [columns[i] for i in _pivots(whole)]

    def block(middle: Word, suffix: Sequence[Word]) -> "sympy.Matrix":
        return sympy.Matrix([[value(u + middle + v) for v in suffix] for u in kept_rows])

    inverse = block((), kept_columns).inv()
    first = sympy.Matrix([[value(v) for v in kept_columns]]) * inverse
    operators = tuple(block((x,), kept_columns) * inverse for x in range(symbols))
    return ExactAutomaton(first, operators, block((), [()]))


def minimal(model: ExactAutomaton) -> ExactAutomaton:
    """An equal automaton with the least number of states."""
    transposed = [o.T for o in model.operators]
    prefixes = spanning_words(model.start, model.operators)
    suffixes = [w[::-1] for w in spanning_words(model.end.T, transposed)]
    return realisation(model.value, len(model.operators), prefixes, suffixes)


def spanning_words(row: "sympy.Matrix", operators: "Sequence[sympy.Matrix]") -> list[Word]:
    """Words w, shortest first, whose rows `row` A_w are a basis of all; the empty one always."""
    import sympy

    basis, found, waiting = sympy.zeros(0, row.cols), list[Word](), [((), row)]
    while waiting:
        word, reached = waiting.pop(0)
        joined = basis.col_join(reached)
        if joined.rank() > basis.rows:
            basis, found = joined, [*found, word]
            waiting += [((*word, x), reached * o) for x, o in enumerate(operators)]
    return found or [()]


def telling_word(first: ExactAutomaton, second: ExactAutomaton) -> Word | None:
    """A shortest word on which the two differ; None where they are equal on every word.

    Raises ValueError where they do not have the same symbols.
    """
    import sympy

    if len(first.operators) != len(second.operators):
        wanted, got = len(first.operators), len(second.operators)
        raise ValueError(f"second: wanted {wanted} symbols, got {got}")
    pairs = zip(first.operators, second.operators, strict=True)
    operators = [sympy.diag(a, b) for a, b in pairs]
    row = first.start.row_join(-second.start)
    end = first.end.col_join(second.end)
    words = spanning_words(row, operators)
    both = ExactAutomaton(row, tuple(operators), end)
    return next((w for w in words if both.value(w) != 0), None)


def generating_function(
    model: ExactAutomaton, weights: Sequence[Any], variable: str = "z"
) -> "sympy.Expr":
    """sum over n of z^n a (sum_x c_x A_x)^n b for weights c_x, in lowest terms.

    Raises ValueError unless there is a weight for each symbol.
    """
    import sympy
    from sympy.polys.matrices import DomainMatrix

    if len(weights) != len(model.operators):
        raise ValueError(f"weights: wanted {len(model.operators)}, got {len(weights)}")
    step = sympy.zeros(model.states)
    for weight, operator in zip(weights, model.operators, strict=True):
        step += _rational(weight) * operator
    # det(1 - zM) is the characteristic polynomial read from behind; times it, the sum is finite.
    below = DomainMatrix.from_Matrix(step).to_field().charpoly()
    below = [sympy.QQ.to_sympy(c) for c in below]
    row, values = model.start, list["sympy.Rational"]()
    for _ in range(model.states):
        values.append((row * model.end)[0])
        row = row * step
    above = [
        sum((below[j] * values[k - j] for j in range(k + 1)), sympy.Integer(0))
        for k in range(model.states)
    ]
    z = sympy.Symbol(variable)
    top, bottom = (sympy.Poly(part[::-1], z) for part in (above, below))
    return sympy.cancel(top.as_expr() / bottom.as_expr())


def _rational(value: Any) -> "sympy.Expr":
    import sympy

    number = Fraction(value)
    return sympy.Rational(number.numerator, number.denominator)


def _pivots(matrix: "sympy.Matrix") -> tuple[int, ...]:
    return matrix.rref()[1]
