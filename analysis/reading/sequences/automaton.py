"""A spectral automaton on text held out: how its states were chosen, how often odds are negative.

Estimated operators may say that a token has odds below zero. Here it is counted how often that
happens, how much mass it is, and how much is added by the floor that mends it.
"""

from torch import Tensor, nn

from analysis.exhibits import Exhibit, Lines, Table
from analysis.reading.finding import Finding
from analysis.reading.sequences.exact_automaton import generating_function, rational
from interpretable_arch.maths.processes.automata import floors
from interpretable_arch.models.spectral_automaton import SpectralAutomaton
from training.data.task import Task

MOST_STATES, MOST_RUNS = 8, 12  # generating functions of more say nothing to a person
SHOWN_RUNS = 20  # powers of z whose coefficients are compared with the float model


def read_automaton(model: nn.Module, task: Task) -> Finding | None:
    """Negative odds, the floor's share, correlations and the choice of states; None for others."""
    if not isinstance(model, SpectralAutomaton) or len(model.correlations) == 0:
        return None
    odds = model.raw_odds(task.probe.inputs)
    raised = model(task.probe.inputs).exp()
    least = floors(model.automaton(), model.floor)
    negative = odds.clamp_max(0).abs()
    edge, above, _ = model.noise.tolist()
    figures = {
        "states": float(model.states),
        "share of negative odds": float((odds < 0).double().mean()),
        "share of odds below the floor": float((odds < least).double().mean()),
        "floor": float(model.floor),
        "negative mass per position": float(negative.sum(-1).mean()),
        "mass moved by the floor": float((raised - odds).abs().sum(-1).mean() / 2),
        "correlations above the noise": above,
    }
    exhibits = [_spectrum(model, edge), _choice(model)]
    notes = [
        f"odds below {float(model.floor):g} of what a token has anywhere, negative ones too, are "
        "raised to that, and all are divided by their new sum"
    ]
    runs, error = _runs(model, task)
    if runs is not None:
        exhibits.append(runs)
        figures["runs: exact against float"] = error
        notes.append(
            "the probability that a symbol stands n times in a row is the coefficient of z^n; the "
            "fractions are exact for the stored numbers and shown with four digits"
        )
    return Finding("Spectral automaton", figures, tuple(exhibits), tuple(notes))


def _spectrum(model: SpectralAutomaton, edge: float) -> Exhibit:
    values = model.correlations.tolist()
    return Lines(
        "Canonical correlations of past and future",
        tuple(float(i + 1) for i in range(len(values))),
        {"correlation": tuple(values), "edge of the noise": (edge,) * len(values)},
        "state",
        "correlation",
    )


def _choice(model: SpectralAutomaton) -> Exhibit:
    rows = sorted(map(tuple, model.tried.tolist()))
    return Table(
        "Tried on blocks of the training text",
        ("classes of words", "states", "floor", "held-out nats per symbol"),
        tuple(rows),
    )


def _runs(model: SpectralAutomaton, task: Task) -> tuple[Table | None, float]:
    """sum_n z^n f(x^n) for each symbol, and the largest gap of its series to the float model."""
    if model.states > MOST_STATES or task.outputs > MOST_RUNS:
        return None, 0.0
    values = {n: p.detach().double() for n, p in model.named_parameters()}
    found = model.symmetry().canonical(values)
    start, operators, end = found["start"], found["operators"], found["end"]
    automaton = rational((start, operators, end))
    rows, worst = [], 0.0
    for symbol, label in enumerate(task.labels):
        weights = [int(symbol == other) for other in range(task.outputs)]
        fraction = generating_function(automaton, weights)
        worst = max(worst, _gap(fraction, start, operators[symbol], end))
        rows.append((label, _shown(fraction)))
    return Table("Runs of one symbol", ("symbol", "sum of z^n p(n times)"), tuple(rows)), worst


def _gap(fraction: "object", start: Tensor, operator: Tensor, end: Tensor) -> float:
    """Largest difference of the series' coefficients from a A^n b."""
    found, row = _coefficients(fraction), start
    worst = 0.0
    for value in found:
        worst = max(worst, abs(float(row @ end) - value))
        row = row @ operator
    return worst


def _coefficients(fraction: "object") -> list[float]:
    """The first of the series, by long division in exact numbers."""
    import sympy

    z = sympy.Symbol("z")
    above, below = (sympy.Poly(part, z).all_coeffs()[::-1] for part in sympy.fraction(fraction))
    found: list[sympy.Expr] = []
    for n in range(SHOWN_RUNS):
        rest = above[n] if n < len(above) else sympy.Integer(0)
        rest -= sum(below[k] * found[n - k] for k in range(1, min(n, len(below) - 1) + 1))
        found.append(rest / below[0])
    return [float(value) for value in found]


def _shown(fraction: "object") -> str:
    """The fraction with its constant term below made 1, in four digits."""
    import sympy

    z = sympy.Symbol("z")
    above, below = (sympy.Poly(part, z) for part in sympy.fraction(fraction))
    size = below.eval(0)
    texts = [str(sympy.N((part / size).as_expr(), 4)) for part in (above, below)]
    return f"({texts[0]}) / ({texts[1]})"
