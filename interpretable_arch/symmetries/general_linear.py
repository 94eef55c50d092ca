"""What may change in a weighted automaton without changing its odds.

    a -> a g,  A_x -> g^-1 A_x g,  b -> g^-1 b        any invertible g: another basis of the state
    a -> c a,  A_x -> c' A_x                          non-zero numbers: odds have no size

Canonical: a b = 1, a (sum A_x) b = a b, and the balanced basis (Moore 1981), in which both Gramians
(`maths.processes.gramians`) are the same diagonal matrix, descending, the largest of the numbers by
which each coordinate is reached in one step positive. Unique where the diagonal is simple and not
zero: `undetermined` names the coordinates for which it is not.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.processes import gramians
from interpretable_arch.maths.processes.distance import States
from interpretable_arch.symmetries.groups import GeneralLinear, Pairs, Views
from interpretable_arch.symmetry import Action, Factor, Group, Parameters, Side

CLOSE = 1e-6


@dataclass(frozen=True)
class StateBasis(GeneralLinear):
    """GL(n) on the automaton whose views come as start, operators by row, by column, end."""

    def fit(self, pairs: Pairs) -> Tensor:
        """The g that carries the rows and columns reached by all words closest to the second's.

        Least squares of a A_w g - a' A'_w and A_w b - g A'_w b' at once: P g + g Q' = C.
        """
        first = automaton([(x, side) for x, _, side in pairs])
        second = automaton([(y, side) for _, y, side in pairs])
        z = gramians.discount_of(first, second)
        reach = gramians.reached(first, first, z)
        tell = gramians.told_apart(second, second, z)
        both = gramians.reached(first, second, z) + gramians.told_apart(first, second, z)
        p, U = torch.linalg.eigh(reach)
        q, V = torch.linalg.eigh(tell)
        return (U @ (U.mT @ both @ V / (p[:, None] + q)) @ V.mT)[None]

    def canonical(self, views: Views) -> Tensor:
        model = automaton(views)
        z = gramians.discount_of(model)
        reach = gramians.root(gramians.reached(model, model, z))
        tell = gramians.root(gramians.told_apart(model, model, z))
        U, size, _ = torch.linalg.svd(reach.mT @ tell)
        basis = torch.linalg.solve(reach.mT, U) * size.sqrt()
        start, operators, _ = model
        rows = torch.cat([start[None], start @ operators]) @ basis
        return (basis * _first_largest_sign(rows))[None]


@dataclass(frozen=True)
class NonZero(Group):
    """Multiplication by one number that is not zero, of either sign."""

    @property
    def dimension(self) -> int:
        return 1

    @property
    def log_order(self) -> float:
        return math.log(2)

    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        size = torch.randn(copies, generator=generator, dtype=dtype).mul(0.5).exp()
        return size * (torch.randint(0, 2, (copies,), generator=generator) * 2 - 1)

    def inverse(self, g: Tensor) -> Tensor:
        return 1 / g

    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor:
        return x * g[:, None, None]

    def fit(self, pairs: Pairs) -> Tensor:
        (x, y, _) = pairs[0]
        return (y / x).flatten()

    def canonical(self, views: Views) -> Tensor:
        return 1 / views[0][0].flatten()


def automaton_factors(states: int) -> tuple[Factor, ...]:
    """The factors for parameters start [state], operators [vocab, state, state], end [state]."""
    basis = (
        Action("start", 0),
        Action("operators", 1, "dual"),
        Action("operators", 2),
        Action("end", 0, "dual"),
    )
    return (
        Factor("size of operators", NonZero(), (Action("operators", 0),), key=_gain),
        Factor("size of start", NonZero(), (Action("start", 0),), key=_mass),
        Factor("basis", StateBasis(states), basis),
    )


def automaton(views: Views) -> States:
    """The automaton of the four views of `automaton_factors`."""
    start, by_row, _, end = (view[0] for view, _ in views)
    n = len(start)
    return start[:, 0], by_row.reshape(n, -1, n).movedim(1, 0), end[:, 0]


def undetermined(model: States) -> tuple[str, ...]:
    """Sentences that name the coordinates whose canonical form is not unique; none if it is."""
    values = gramians.hankel_values(model)
    relative = values / values[0]
    notes = [
        f"states {i} and {i + 1} have equal Hankel singular values: any basis of them will do"
        for i in range(len(values) - 1)
        if float(relative[i] - relative[i + 1]) <= CLOSE < float(relative[i + 1])
    ]
    lost = [i for i in range(len(values)) if float(relative[i]) <= CLOSE]
    if lost:
        notes.append(
            f"states {lost[0]} to {len(values) - 1} are never reached or never told apart: "
            "the automaton is not minimal and these coordinates are arbitrary"
        )
    return tuple(notes)


def _mass(parameters: Parameters) -> Float[Tensor, "1 1"]:
    return (parameters["start"] @ parameters["end"]).reshape(1, 1)


def _gain(parameters: Parameters) -> Float[Tensor, "1 1"]:
    """a (sum A_x) b / a b: 1 where the odds of all tokens make up the mass that there was."""
    moved = parameters["start"] @ parameters["operators"].sum(0) @ parameters["end"]
    return moved.reshape(1, 1) / _mass(parameters)


def _first_largest_sign(rows: Float[Tensor, "row state"]) -> Float[Tensor, " state"]:
    """The sign of each column's largest entry, of equal ones the first."""
    size = rows.abs()
    # Entries that are equal but for rounding must not change places.
    first = (size >= (1 - CLOSE) * size.amax(0)).to(torch.int8).argmax(0, keepdim=True)
    sign = rows.gather(0, first).squeeze(0).sign()
    return torch.where(sign == 0, 1.0, sign)
