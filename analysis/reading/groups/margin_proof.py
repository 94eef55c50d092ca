"""The proof that zero loss has one solution, and the widest margin, run for one given group.

Tokens are unitary d x d matrices of n elements, z = tr(A_a A_b A_c*) / d, with targets 1 at c = ab
and -1/(n-1) elsewhere. Each step is an equation or inequality that sympy decides, with the group's
exact character table: sums over the group are taken in cyclotomic integers, so nothing is rounded.

The real part of z alone settles less: with chi and its conjugate summed, m_rho + m_conj(rho) =
2 d_rho, and every choice of that kind has the same real part. `others` are those choices.

Sources: J.-P. Serre, Linear Representations of Finite Groups (1977), sections 2.2-2.4; the simplex
targets are those of equally far answers.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from interpretable_arch.maths.groups.characters import CharacterTable, character_table
from interpretable_arch.maths.groups.cyclotomic import powers
from interpretable_arch.maths.groups.finite_groups import FiniteGroup

if TYPE_CHECKING:
    import sympy

LISTED = 20


@dataclass(frozen=True)
class Step:
    """`claim` is what was checked, written out for a reader; `holds` is what sympy decided."""

    name: str
    statement: str
    claim: str
    holds: bool


@dataclass(frozen=True)
class OtherSolution:
    """Multiplicities with the same real part, and their loss per product once |z| counts.

    The label names those that are not d_rho.
    """

    label: str
    loss: "sympy.Expr"


@dataclass(frozen=True)
class MarginProof:
    """The checked steps for one group; `others_count` counts all that the real part allows."""

    group: str
    order: int
    steps: tuple[Step, ...]
    multiplicities: tuple[tuple[str, int, str, str], ...]
    others: tuple[OtherSolution, ...]
    others_count: int

    @property
    def holds(self) -> bool:
        return all(step.holds for step in self.steps)


@lru_cache(maxsize=16)
def margin_proof(group: FiniteGroup) -> MarginProof:
    """Every step for this group; raises ValueError for the group of one element."""
    if group.order < 2:
        raise ValueError(f"group: wanted at least two elements, got {group.order}")
    table = character_table(group)
    pairs = _conjugate_pairs(table)
    rows = enumerate(zip(table.names, table.dimensions, table.types, strict=True))
    found = tuple((name, d, kind, str(_multiplicity(table, i))) for i, (name, d, kind) in rows)
    return MarginProof(
        group=group.name,
        order=group.order,
        steps=(*_forced(group), *_counted(table), *_widest(group)),
        multiplicities=found,
        others=tuple(itertools.islice(_others(table, pairs), LISTED)),
        others_count=math.prod(2 * table.dimensions[i] + 1 for i, _ in pairs) - 1,
    )


def _equal(
    name: str,
    statement: str,
    left: "sympy.Expr",
    right: "sympy.Expr",
    at: "Mapping[sympy.Symbol, sympy.Expr] | None" = None,
    told: str = "",
) -> Step:
    """Whether left = right, with symbols at the values `at`; `told` replaces the claim's text."""
    import sympy

    where = "".join(f" at {symbol} = {value}" for symbol, value in (at or {}).items())
    claim = told or f"{sympy.sstr(left)} = {sympy.sstr(right)}{where}"
    return Step(
        name, statement, claim, sympy.simplify((left - right).subs(list((at or {}).items()))) == 0
    )


def _symbols() -> "tuple[sympy.Symbol, sympy.Symbol]":
    import sympy

    d, m = sympy.Symbol("d", positive=True), sympy.Symbol("m", nonnegative=True)
    return d, m


def _forced(group: FiniteGroup) -> tuple[Step, ...]:
    """From zero loss to a representation and its character."""
    import sympy

    d, _ = _symbols()
    z, n = sympy.Symbol("z", real=True), sympy.Integer(group.order)
    quotient = group.table[group.table][:, :, group.inverse]  # (a·b)·c^-1
    counts = np.bincount(quotient.flatten().numpy(), minlength=group.order)
    few, many = int(counts.min()), int(counts.max())
    return (
        _equal(
            "a representation",
            "zero loss asks z = 1 at c = ab, where |A_a A_b - A_ab|^2 = 2 d - 2 d z is then 0: "
            "A_a A_b = A_ab for every pair",
            2 * d - 2 * d * z,
            sympy.Integer(0),
            at={z: sympy.Integer(1)},
        ),
        _equal(
            "every element",
            "each g is a b c^-1 for n^2 triples, so the targets fix chi(g) = d z at every g",
            (few - n**2) ** 2 + (many - n**2) ** 2,
            sympy.Integer(0),
            told=f"least and largest count {few}, {many} = {group.order}^2",
        ),
    )


def _multiplicity(table: CharacterTable, row: int) -> "sympy.Expr":
    """<chi, chi_rho> with chi = d at the identity and -d/(n-1) elsewhere, exact, in d."""
    import sympy

    d, _ = _symbols()
    n, own = table.group.order, table.dimensions[row]
    elsewhere = _sum_over_group(table, row) - own
    return sympy.simplify((d * own - d / (n - 1) * elsewhere) / n)


def _sum_over_group(table: CharacterTable, row: int) -> int:
    """Sum over g of chi_rho(g), in cyclotomic integers: n for the trivial one, else 0."""
    sizes = np.array([len(members) for members in table.group.classes])
    total = (sizes @ table.eigenvalues[row].numpy()) @ powers(table.group.exponent)
    assert not total[1:].any(), total
    return int(total[0])


def _counted(table: CharacterTable) -> tuple[Step, ...]:
    """From the character to one representation."""
    import sympy

    d, _ = _symbols()
    n, dims = table.group.order, table.dimensions
    sums = [_sum_over_group(table, i) for i in range(len(dims))]
    found = [_multiplicity(table, i) for i in range(len(dims))]
    wanted = [sympy.Integer(0), *(d * own / (n - 1) for own in dims[1:])]
    apart = sum((a - b) ** 2 for a, b in zip(found, wanted, strict=True))
    copies = sum((m.subs(d, n - 1) - k) ** 2 for m, k in zip(found, (0, *dims[1:]), strict=True))
    squares = " + ".join(f"{own}^2" for own in dims[1:LISTED])
    squares += " + ..." * (len(dims) > LISTED)
    shown = ", ".join(map(str, found[:LISTED])) + ", ..." * (len(found) > LISTED)
    zero = sympy.Integer(0)
    return (
        _equal(
            "sums of characters",
            "chi_rho sums to n over the group for the trivial rho and to 0 for every other",
            sympy.Integer((sums[0] - n) ** 2 + sum(s * s for s in sums[1:])),
            zero,
            told=f"{', '.join(map(str, sums[:LISTED]))}{', ...' * (len(sums) > LISTED)}",
        ),
        _equal(
            "multiplicities",
            "<chi, chi_rho> = d d_rho / (n - 1) for each non-trivial rho, 0 for the trivial one",
            sympy.sympify(apart),
            zero,
            told=shown,
        ),
        _equal(
            "least width",
            "the d_rho have no common divisor, so multiplicities are whole only where n - 1 "
            "divides d",
            sympy.igcd(0, *dims[1:]) * sympy.Integer(1),
            sympy.Integer(1),
            told=f"gcd({', '.join(map(str, sorted(set(dims[1:]))))}) = 1",
        ),
        _equal(
            "at d = n - 1",
            "each non-trivial rho occurs d_rho times, the trivial one never",
            sympy.sympify(copies),
            zero,
            told=", ".join(str(m.subs(d, n - 1)) for m in found[:LISTED])
            + ", ..." * (len(found) > LISTED),
        ),
        _equal(
            "the width is filled",
            "the squares of the d_rho of non-trivial rho add to n - 1",
            sympy.Integer(sum(own * own for own in dims[1:])),
            sympy.Integer(n - 1),
            told=f"{squares} = {n - 1}",
        ),
        _equal(
            "one up to a change of basis",
            "as many irreducible characters as classes, orthonormal (in cyclotomic integers): a "
            "character has one set of multiplicities, and these one representation up to basis",
            sympy.Integer(len(dims)),
            sympy.Integer(len(table.group.classes)),
        ),
    )


def _widest(group: FiniteGroup) -> tuple[Step, ...]:
    """No representation has a larger margin."""
    import sympy

    d, m = _symbols()
    n = group.order
    total = n * m  # of Re chi over the group, m being the trivial copies
    mean = ((n - 1) - (total - d) / d) / (n - 1)  # of 1 - Re chi(g) / d over g != e
    best = sympy.Rational(n, n - 1)
    gap = sympy.simplify(best - mean)
    never = bool((gap >= 0) == sympy.true)
    return (
        _equal(
            "the mean distance",
            "chi sums to n m over the group, m the trivial copies, so the mean of 1 - Re chi(g)/d "
            "over g != e is this; the least of them, the margin, is no more",
            mean,
            best - total / (d * (n - 1)),
        ),
        Step(
            "margin at most n / (n - 1)",
            "n / (n - 1) less the mean is never negative, and 0 only without trivial copies; "
            "the margin equals it only where Re chi is one number off the identity",
            f"{gap} >= 0, and 0 only at m = 0",
            never and sympy.solve(gap, m) == [0],
        ),
        _equal(
            "margin reached",
            "1 - chi(g) / d with chi(g) = -d / (n - 1)",
            1 - (-d / (n - 1)) / d,
            best,
        ),
    )


def _conjugate_pairs(table: CharacterTable) -> tuple[tuple[int, int], ...]:
    """Rows of each complex irreducible and of its conjugate, the first row first."""
    eigenvalues = table.eigenvalues.numpy()
    mirrored = np.roll(eigenvalues[..., ::-1], 1, axis=-1)  # zeta^k to zeta^-k
    rows = {row.tobytes(): i for i, row in enumerate(eigenvalues)}
    partner = [rows[np.ascontiguousarray(row).tobytes()] for row in mirrored]
    return tuple((i, j) for i, j in enumerate(partner) if i < j)


def _others(table: CharacterTable, pairs: tuple[tuple[int, int], ...]) -> Iterator[OtherSolution]:
    """All multiplicities with m_rho + m_conj(rho) = 2 d_rho, but the one solution."""
    import sympy

    n, dims = table.group.order, table.dimensions
    steps = [sorted(range(-dims[i], dims[i] + 1), key=abs) for i, _ in pairs]
    for moved in itertools.product(*steps):
        if not any(moved):
            continue
        told = [
            f"{table.names[i]} {dims[i] + more} times, {table.names[j]} {dims[j] - more} times"
            for (i, j), more in zip(pairs, moved, strict=True)
            if more
        ]
        yield OtherSolution(
            "; ".join(told), sympy.Rational(n * 2 * sum(k * k for k in moved), (n - 1) ** 2)
        )
