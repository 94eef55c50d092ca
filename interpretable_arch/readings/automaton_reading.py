"""What a weighted automaton says of itself, read off its canonical form.

The Hankel singular values say how much each state matters, the eigenvalues of sum A_x how fast the
process forgets, and the product of matrices, run again without the model, gives its odds.
"""

import itertools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.interpretation import Feature, Formula, Interpretation
from interpretable_arch.maths.processes.automata import floored, floors, readout, states_after
from interpretable_arch.maths.processes.distance import States
from interpretable_arch.maths.processes.gramians import hankel_values
from interpretable_arch.symmetries.general_linear import CLOSE, undetermined

MOST_WORDS = 10_000  # on so many words the error of the formula is the largest of all
ROUNDING = 1e-12  # what the floor changes less than this is none
STILL = 1e-6  # distances are resolved to about 1e-8


def read_automaton(model: States, floor: float, notes: tuple[str, ...] = ()) -> Interpretation:
    """Features, the product formula and notes, also of what is not unique; of a canonical model."""
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
    formula, said = product_formula(model, floor), floor_note(model, floor)
    return Interpretation(
        label, tuple(features), (formula,), notes=(*undetermined(model), said, *notes)
    )


def memories(model: States) -> Tensor:
    """Absolute eigenvalues of sum A_x, descending: 1, then the rates at which states fade."""
    return torch.linalg.eigvals(model[1].sum(0)).abs().sort(descending=True).values


def product_formula(model: States, floor: float) -> Formula:
    """p(next | words), [batch, 1, vocab], of two tokens or of one where there are too many pairs.

    What the product says before the floor: `error` is the largest that the floor makes, over all
    words of that length, and beyond 1 where the product leaves a word hardly any mass.
    """
    start, operators, _ = model
    each, mass = readout(model)
    length, change = _floored(model, floor)
    names = tuple(f"x{i}" for i in range(length))
    product = " @ ".join(["a", *(f"A[{name}]" for name in names)])
    constants = {
        "a": start[None].tolist(),
        "A": operators.tolist(),
        "E": each.T.tolist(),
        "m": mass[:, None].tolist(),
    }
    expression = f"({product} @ E) / ({product} @ m)"
    name = "product of tokens, before the floor"
    return Formula(name, expression, names, constants, "probability", float(change.max()))


def floor_note(model: States, floor: float) -> str:
    """After how many words the product formula is not the model's own answer, and by how much."""
    length, change = _floored(model, floor)
    words, most = f"{len(change)} words of {length} tokens", float(change.max())
    raised = int((change > ROUNDING).sum())
    if raised == 0:
        return f"product of tokens: the floor raises no odds after any of the {words}"
    return (
        f"product of tokens: odds before the floor; exact after {len(change) - raised} of the "
        f"{words}, after {raised} the floor raises some, which changes an odds by up to {most:.3g}"
        + (": raw odds of a word with hardly any mass are no probabilities" if most > 1 else "")
    )


def _floored(model: States, floor: float) -> tuple[int, Float[Tensor, " word"]]:
    """The length of the formula's words, and the most that the floor changes after each."""
    size = len(model[1])
    length = 2 if size**2 <= MOST_WORDS else 1
    words = torch.tensor(list(itertools.product(range(size), repeat=length)))
    odds = states_after(model, words)[:, -1] @ readout(model)[0].T
    return length, (floored(odds, floors(model, floor)) - odds).abs().amax(-1)


def certify(
    model: States,
    correlations: Float[Tensor, " value"],
    noise: Float[Tensor, " figure"],
    moved: float,
    notes: tuple[str, ...] = (),
) -> Certificate:
    """The conditions under which text and rank leave one automaton, and one canonical form of it.

    `correlations` and `noise` as `SpectralAutomaton` keeps them; `moved` the distance from the
    fitted process; NaN where it was not fitted.
    """
    states = len(model[0])
    values = hankel_values(model)
    relative = values / values[0]
    gap, first, last = _gap(correlations, states)
    edge = float(noise[0]) if len(noise) else math.nan
    conditions = [
        Condition("last correlation kept less the next", gap, "above", CLOSE),
        Condition("last correlation kept less the edge of the noise", last - edge, "above", 0.0),
        Condition("process moved since the fit", moved, "below", STILL),
        Condition("least Hankel singular value / largest", float(relative[-1]), "above", CLOSE),
    ]
    if states > 1:
        apart = -relative.diff()
        name = "least gap of Hankel singular values / largest"
        conditions.append(Condition(name, float(apart.min()), "above", CLOSE))
    figures = {"states": float(states)}
    if len(noise):
        figures["edge of the noise"] = edge
        figures["last gap / edge of the noise"] = gap / edge
        figures["states above the noise"] = float(noise[1])
        figures["places counted"] = float(noise[2])
        figures["digits another text of this size would agree on"] = _digits(edge, gap)
        rounding = torch.finfo(torch.float64).eps * first
        figures["digits that rounding leaves"] = _digits(rounding, gap)
    return Certificate(
        "One singular value decomposition: given these counts, the automaton is unique up to a "
        "change of basis where the correlation kept last exceeds the next (Eckart and Young), and "
        "the balanced basis is one where the Hankel singular values differ. Of another text this "
        "says nothing: that no state is noise needs the last correlation above the edge, and by "
        "Davis and Kahan the states then turn by at most the change of the matrix, about the edge, "
        "over the gap.",
        tuple(conditions),
        figures,
        (*undetermined(model), *notes),
    )


def _gap(correlations: Tensor, states: int) -> tuple[float, float, float]:
    """The last correlation kept less the next; the first; the last kept."""
    if len(correlations) < states:
        return math.nan, math.nan, math.nan
    padded = torch.cat([correlations, correlations.new_zeros(1)])
    gap, first, last = padded[states - 1] - padded[states], padded[0], padded[states - 1]
    return float(gap), float(first), float(last)


def _digits(change: float, gap: float) -> float:
    """Decimal digits of the state space that survive a change of the matrix of this norm."""
    return max(0.0, -math.log10(change / gap)) if change > 0 and gap > 0 else 0.0
