"""A group's exact characters and irreducible matrices as text: str, srepr and LaTeX, cached."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from interpretable_arch.maths.groups.characters import character_table
from interpretable_arch.maths.groups.finite_groups import FiniteGroup
from interpretable_arch.maths.groups.irreducibles import Irreducible, irreducibles, product_error

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class Formula:
    """One exact expression: `text` reads, `srepr` restores it with sympy.sympify, `latex` shows."""

    text: str
    srepr: str
    latex: str


@dataclass(frozen=True)
class ExactIrreducible:
    """One irreducible: exact characters on the classes, exact matrices of the generators.

    `products` comparisons M(g) M(s) = M(gs), s a generator, held in integers (they imply every
    pair); `product_error` is the worst entry over all pairs in floating point.
    """

    name: str
    dimension: int
    type: str
    origin: str
    characters: tuple[Formula, ...]
    generators: tuple[str, ...]
    matrices: tuple[Formula, ...]
    products: int
    product_error: float


@lru_cache(maxsize=64)
def exact_forms(group: FiniteGroup) -> tuple[ExactIrreducible, ...]:
    """Every irreducible of the group, in the order of its character table."""
    return tuple(_exact_form(group, rho) for rho in irreducibles(group))


def _exact_form(group: FiniteGroup, rho: Irreducible) -> ExactIrreducible:
    return ExactIrreducible(
        name=rho.name,
        dimension=rho.dimension,
        type=rho.type,
        origin=rho.origin,
        characters=_formulas(character_table(group).exact(rho.name)),
        generators=tuple(group.labels[s] for s in group.generators),
        matrices=_formulas([rho.exact(s) for s in group.generators]),
        products=rho.products,
        product_error=float(product_error(rho.matrices, group)),
    )


def _formulas(expressions: "Sequence[sympy.Basic]") -> tuple[Formula, ...]:
    return tuple(_formula(expression) for expression in expressions)


@lru_cache(maxsize=4096)
def _formula(expression: "sympy.Basic") -> Formula:
    import sympy

    return Formula(str(expression), sympy.srepr(expression), sympy.latex(expression))
