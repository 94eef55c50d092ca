"""What a weighted automaton says of itself, read off its canonical form.

The Hankel singular values say how much each state matters, the eigenvalues of sum A_x how fast the
process forgets, and the product of matrices, run again without the model, gives its odds.
"""

import itertools
import math

import torch
from torch import Tensor

from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.interpretation import Feature, Formula, Interpretation
from interpretable_arch.maths.processes.automata import floored, floors, readout, states_after
from interpretable_arch.maths.processes.distance import States
from interpretable_arch.maths.processes.gramians import hankel_values
from interpretable_arch.symmetries.general_linear import CLOSE, undetermined

MOST_WORDS = 10_000  # on so many words the error of the formula is the largest of all


def read_automaton(model: States, floor: float) -> Interpretation:
    """Features, the product formula and, for what is not unique, notes; of a canonical model."""
    values, memory = hankel_values(model), memories(model)
    features = [
        Feature(f"hankel.{i}", float(v), "singular value of the infinite Hankel matrix")
        for i, v in enumerate(values)
    ]
    features += [
        Feature(f"memory.{i}", float(v), "what a step keeps of the state, descending")
        for i, v in enumerate(memory)
    ]
    label = f"{len(values)} states, memory " + " ".join(f"{v:.1f}" for v in memory.tolist()[:6])
    return Interpretation(
        label, tuple(features), (product_formula(model, floor),), notes=undetermined(model)
    )


def memories(model: States) -> Tensor:
    """Absolute eigenvalues of sum A_x, descending: 1, then the rates at which states fade."""
    return torch.linalg.eigvals(model[1].sum(0)).abs().sort(descending=True).values


def product_formula(model: States, floor: float) -> Formula:
    """p(next | words), [batch, 1, vocab], of two tokens or of one where there are too many pairs.

    `error` is the largest that the floor makes, over all words of that length.
    """
    start, operators, _ = model
    each, mass = readout(model)
    length = 2 if len(operators) ** 2 <= MOST_WORDS else 1
    words = torch.tensor(list(itertools.product(range(len(operators)), repeat=length)))
    odds = states_after(model, words)[:, -1] @ each.T
    names = tuple(f"x{i}" for i in range(length))
    product = " @ ".join(["a", *(f"A[{name}]" for name in names)])
    constants = {
        "a": start[None].tolist(),
        "A": operators.tolist(),
        "E": each.T.tolist(),
        "m": mass[:, None].tolist(),
    }
    error = float((floored(odds, floors(model, floor)) - odds).abs().max())
    expression = f"({product} @ E) / ({product} @ m)"
    return Formula("product of tokens", expression, names, constants, "probability", error)


def certify(model: States, correlations: Tensor, noise: Tensor) -> Certificate:
    """The conditions under which text and rank leave one automaton, and one canonical form of it.

    `correlations` and `noise` as `SpectralAutomaton` keeps them; NaN where it was not fitted.
    """
    states = len(model[0])
    values = hankel_values(model)
    relative = values / values[0]
    gap, first = _gap(correlations, states)
    conditions = [
        Condition("last correlation kept less the next", gap, "above", CLOSE),
        Condition("least Hankel singular value / largest", float(relative[-1]), "above", CLOSE),
    ]
    if states > 1:
        apart = -relative.diff()
        name = "least gap of Hankel singular values / largest"
        conditions.append(Condition(name, float(apart.min()), "above", CLOSE))
    figures = {"states": float(states)}
    if len(noise):
        figures["edge of the noise"] = float(noise[0])
        figures["states above the noise"] = float(noise[1])
        figures["places counted"] = float(noise[2])
        figures["digits another text of this size would agree on"] = _digits(float(noise[0]), gap)
        rounding = torch.finfo(torch.float64).eps * first
        figures["digits that rounding leaves"] = _digits(rounding, gap)
    return Certificate(
        "One singular value decomposition: the automaton is unique up to a change of basis where "
        "the correlation kept last exceeds the next (Eckart and Young), and the balanced basis is "
        "one where the Hankel singular values differ; by Davis and Kahan the states turn by at "
        "most the change of the matrix over that gap.",
        tuple(conditions),
        figures,
        undetermined(model),
    )


def _gap(correlations: Tensor, states: int) -> tuple[float, float]:
    if len(correlations) < states:
        return math.nan, math.nan
    padded = torch.cat([correlations, correlations.new_zeros(1)])
    return float(padded[states - 1] - padded[states]), float(padded[0])


def _digits(change: float, gap: float) -> float:
    """Decimal digits of the state space that survive a change of the matrix of this norm."""
    return max(0.0, -math.log10(change / gap)) if change > 0 and gap > 0 else 0.0
