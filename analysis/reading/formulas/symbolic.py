"""From a trained spline network to a formula: snap, refit, round, and run the print again.

Each edge is snapped to c f(a x + b) + d (`candidates`), the constants of the whole are refitted to
the training data (`snapped_network`), sympy multiplies out what constants can be traded for, and
constants that lie within 1e-6 of a simple number or a simple multiple of pi become it. The printed
formula is then evaluated on its own, held out and off the grid, and its distances are stated: a
formula is APPROXIMATE, with its held-out error, whatever it looks like (Liu et al. 2024, arXiv
2404.19756, section 2.5). sympy lives here.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from analysis.reading.formulas.snapped_network import EdgeReading, Snapped, read_edges, snap
from interpretable_arch.models.kan import KAN
from training.data.formulas import evaluate_formula, variables

if TYPE_CHECKING:
    import sympy

ACCEPTED_R2 = 0.9999
GOOD_RMSE = 1e-9  # of the targets' standard deviation: the search over functions stops here
NEAR = 1e-6
LARGEST_DENOMINATOR = 12
SAYABLE = frozenset({"Abs", "cos", "exp", "log", "sin", "tanh"})

Examples = Float[Tensor, "example features"]
Values = Float[Tensor, "example outputs"]


@dataclass(frozen=True)
class Symbolic:
    """A snapped network as text, one expression for each output, and what it is worth.

    `rmse` is against the held-out targets, of the printed text; `reprint` the largest difference
    of the text from the snapped network itself; `apart` and `apart_off_grid` the root mean square
    distance of the text from the trained network, held out and on points off its grid.
    """

    expressions: tuple[str, ...]
    latex: tuple[str, ...]
    edges: tuple[EdgeReading, ...]
    network: Snapped
    rmse: float
    reprint: float
    apart: float
    apart_off_grid: float


def symbolic(
    model: KAN,
    train: tuple[Examples, Values],
    held_out: tuple[Float[Tensor, "unseen features"], Float[Tensor, "unseen outputs"]],
    names: tuple[str, ...],
    r2: float = ACCEPTED_R2,
) -> tuple[Symbolic | None, tuple[EdgeReading, ...]]:
    """The formula and the edges it was read from; no formula where that would be a guess.

    Refused: an edge that no candidate explains to `r2`, and a whole that explains the held-out
    targets worse than the network it was read from. `model` in float64, inputs called `names`.
    """
    edges = tuple(read_edges(model, train[0]))
    good = GOOD_RMSE * float(train[1].std())
    network = snap(edges, train[0].numpy(), train[1].numpy(), r2, good)
    if network is None:
        return None, edges
    expressions = [rounded(e) for e in written_out(network, names)]
    texts = tuple(str(e).replace("Abs(", "abs(") for e in expressions)
    found = _measured(
        model, network, edges, texts, tuple(map(_latex, expressions)), held_out, names
    )
    own = float((model(held_out[0]) - held_out[1]).square().mean().sqrt())
    return (found if found.rmse <= own else None), edges


def _measured(
    model: KAN,
    network: Snapped,
    edges: tuple[EdgeReading, ...],
    texts: tuple[str, ...],
    latex: tuple[str, ...],
    held_out: tuple[Examples, Values],
    names: tuple[str, ...],
) -> Symbolic:
    inputs, targets = held_out
    printed, beyond = run_text(texts, inputs, names), off_grid_points(model, inputs)
    with np.errstate(all="ignore"):
        far = run_text(texts, beyond, names) - model(beyond)
    return Symbolic(
        expressions=texts,
        latex=latex,
        edges=edges,
        network=network,
        rmse=float((printed - targets).square().mean().sqrt()),
        reprint=float((printed - torch.from_numpy(network(inputs.numpy()))).abs().max()),
        apart=float((printed - model(inputs)).square().mean().sqrt()),
        apart_off_grid=float(far.square().mean().sqrt()),
    )


def off_grid_points(model: KAN, inputs: Examples) -> Examples:
    """The inputs pushed off their grid: each coordinate in turn goes 10% of its width beyond."""
    ends = model.layers[0].get_buffer("ends").to(inputs)
    width, rows = ends[:, 1] - ends[:, 0], torch.arange(len(inputs))
    which = rows % inputs.shape[1]
    side = torch.where((rows // inputs.shape[1]) % 2 == 0, ends[which, 1], ends[which, 0])
    sign = torch.where(side == ends[which, 1], 1.0, -1.0)
    moved = inputs.clone()
    moved[rows, which] = side + 0.1 * sign * width[which]
    return moved


def run_text(texts: tuple[str, ...], inputs: Examples, names: tuple[str, ...]) -> Values:
    """Printed expressions on inputs whose columns are `names`, by the project's own evaluator."""
    return torch.cat([evaluate_formula(text, inputs, names) for text in texts], 1)


def written_out(network: Snapped, names: tuple[str, ...]) -> "list[sympy.Expr]":
    """One expression for each output, multiplied out, with the constants as they were fitted."""
    import sympy

    units: list[sympy.Expr] = [sympy.Symbol(n, real=True) for n in names]
    for layer in network.layers:
        written = []
        for j in range(len(layer[0])):
            terms = []
            for unit, row in zip(units, layer, strict=True):
                fit = row[j]
                inside = sympy.Symbol("inside", real=True)
                f = _read(fit.candidate.text.format(u="inside"), {"inside": inside})
                terms.append(fit.c * f.subs(inside, fit.a * unit + fit.b) + fit.d)
            written.append(sympy.Add(*terms))
        units = written
    return [sympy.expand(_unscaled(sympy.expand(u))) for u in units]


def _unscaled(expression: "sympy.Expr") -> "sympy.Expr":
    """Factors come out of sqrt, log and abs, so that the least coefficient inside is 1."""
    import sympy

    def scale(inside: Any) -> float:
        terms = sympy.Add.make_args(sympy.expand(inside))
        sizes = [abs(float(t.as_coeff_Mul()[0])) for t in terms]
        return min(s for s in sizes if s > NEAR * max(sizes))

    def taken_out(f: Any) -> Any:
        inside = f.args[0]
        k = scale(inside)
        rest = sympy.expand(inside / k)
        if isinstance(f, sympy.log):
            return sympy.log(rest) + sympy.log(k)
        return k * sympy.Abs(rest) if isinstance(f, sympy.Abs) else k**0.5 * sympy.sqrt(rest)

    def scales(f: Any) -> bool:
        root = isinstance(f, sympy.Pow) and f.exp == sympy.Rational(1, 2)
        return (root or isinstance(f, sympy.log | sympy.Abs)) and bool(f.free_symbols)

    unscaled: Any = expression.replace(scales, taken_out)
    return unscaled


def rounded(expression: "sympy.Expr") -> "sympy.Expr":
    """The expression with constants near simple numbers replaced by these, and simplified.

    Simplified no further than what a formula may say (`Formula`'s functions).
    """
    import sympy

    simple = {v: _simple(float(v)) for v in expression.atoms(sympy.Float)}
    plain = sympy.powsimp(sympy.expand(expression.xreplace(simple)))
    short = sympy.simplify(plain)
    said = {type(f).__name__ for f in short.atoms(sympy.Function)}
    return short if said <= SAYABLE else plain


def _simple(value: float) -> "sympy.Expr":
    """A fraction of small denominator, or one times pi, within 1e-6; else the value itself."""
    import sympy

    for unit, symbol in ((1.0, sympy.Integer(1)), (float(np.pi), sympy.pi)):
        near = Fraction(value / unit).limit_denominator(LARGEST_DENOMINATOR)
        if abs(float(near) * unit - value) <= NEAR * max(1.0, abs(value)):
            return sympy.Rational(near.numerator, near.denominator) * symbol
    return sympy.Float(value)


def same_formula(text: str, truth: str) -> bool:
    """Whether sympy simplifies the difference of two expressions to nothing."""
    import sympy

    names = {*variables(text), *variables(truth)}
    symbols = {n: sympy.Symbol(n, real=True) for n in names}
    return sympy.simplify(_read(text, symbols) - _read(truth, symbols)) == 0


def _read(text: str, symbols: "dict[str, sympy.Symbol]") -> "sympy.Expr":
    """An expression of this project: every text here went through its own closed evaluator."""
    import sympy

    names: dict[str, Any] = dict(symbols)
    return sympy.parse_expr(text, names)


def _latex(expression: "sympy.Expr") -> str:
    import sympy

    return sympy.latex(expression)
