"""LSRDR: the uniform matrix product state of bond d nearest to the data's, as a language model.

The data are a tuple of matrices A_w: of text the square roots of bigram frequencies,
A_w[u, w] = sqrt p(w | u), or any operators that give the process exactly. X maximises

    rho(sum A_w (x) conj X_w) / rho(sum X_w (x) conj X_w)^(1/2)

(J. Van Name, L2-spectral radius dimensionality reduction), the overlap per token of two states, by
natural-gradient steps from the seed's random complex start (`maths.processes.nearest_mps`). The
stored X is canonical: sum XX* = 1, mu > 0, Q diagonal descending, row 1 of sum_w X_w at least 0.

Of a Markov chain over tokens every A_w has rank 1, so every X_w has: X_w = r_w s_w*, and
p(w' | w) = |s_w* r_w'|^2 once |s_w| = 1: sqrt p is factored through d complex numbers a token.
As a Born machine X shows less than as a state: the phase of each token is free as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.maths.processes.nearest_mps import Nearest, nearest_mps
from interpretable_arch.maths.processes.operator_tuples import (
    OperatorTuple,
    bigram_tuple,
    operator_tuple,
)
from interpretable_arch.maths.processes.uniform_mps import anchors, isometric
from interpretable_arch.models.born_machine import BornMachine
from interpretable_arch.readings.born_reading import (
    conditions,
    features,
    formulas,
    label,
    token_traces,
    undetermined,
)
from interpretable_arch.symmetries.matrix_product import LinearGauge
from interpretable_arch.symmetry import Action, Factor, Symmetry

MOVED = 1e-6  # how far X may lie from where the ascent left it
UNFITTED = (0.0, 1.0, 0.0, 1.0, 0.0)  # fidelity, residual, gap, projection, anchor


@dataclass(frozen=True)
class LSRDRConfig:
    """`d` by `d` matrices; the ascent stops at |D| <= `tolerance` |X|, or after `most` steps."""

    vocab: int
    d: int = 3
    tolerance: float = 1e-9
    most: int = 3000

    def __post_init__(self) -> None:
        at_least_one(vocab=self.vocab, d=self.d, most=self.most)
        if not 0 < self.tolerance < math.inf:
            raise ValueError(f"tolerance: wanted a number above 0, got {self.tolerance}")


EXAMPLES = {
    "plain": LSRDRConfig(vocab=4, d=2),
    "wide": LSRDRConfig(vocab=3, d=3),
}


class LSRDR(BornMachine):
    """X [vocab, d, d, 2], real and imaginary; `fitted_figures` says how the ascent went, and
    `fitted_X` where it ended: of another X they say nothing."""

    fitted_figures: Float[Tensor, " figure"]
    fitted_X: Float[Tensor, "vocab d d 2"]

    def __init__(self, config: LSRDRConfig) -> None:
        super().__init__(config.vocab, config.d)
        self.config = config
        self.register_buffer("fitted_figures", torch.tensor(UNFITTED))
        self.register_buffer("fitted_X", self.X.detach().clone())

    def isometric(self) -> Complex[Tensor, "vocab d d"]:
        """X_w in a basis where sum_w X_w X_w* = 1, scaled to it."""
        return isometric(self.matrices())

    def fit_data(
        self, batches: Sequence[tuple[Int[Tensor, "*batch"], Int[Tensor, "*batch"]]]
    ) -> None:
        """Climb on the bigrams of the text, from X as it is.

        Raises ValueError for a text without pairs, and for a periodic one.
        """
        self._fit(bigram_tuple(batches, self.vocab))

    def fit_operators(self, operators: Float[Tensor, "token n n 2"]) -> None:
        """Climb on a process given exactly, from X as it is.

        Raises ValueError for another number of tokens, and where the process is periodic.
        """
        if len(operators) != self.vocab:
            raise ValueError(f"operators: wanted {self.vocab} matrices, got {len(operators)}")
        self._fit(operator_tuple(operators.cpu()))

    @torch.no_grad()
    def start_from(self, operators: Float[Tensor, "token d d"]) -> None:
        """Let the climb begin here and not at the seed's random start, as at the operators of
        `spectral_automaton.spectral_start` of the same text.

        Raises ValueError for operators of another number or size, or not finite.
        """
        wanted, got = tuple(self.X.shape[:3]), tuple(operators.shape)
        if got != wanted or not bool(operators.isfinite().all()):
            raise ValueError(f"operators: wanted finite ones of shape {wanted}, got {got}")
        self.X.copy_(torch.stack([operators, torch.zeros_like(operators)], -1))

    @torch.no_grad()
    def _fit(self, data: OperatorTuple) -> None:
        start = self.matrices().cpu().to(torch.complex128)
        found = nearest_mps(data, start, self.config.tolerance, self.config.most)
        self.X.copy_(torch.view_as_real(found.X))
        self.fitted_X.copy_(self.X)
        self.fitted_figures.copy_(torch.tensor(_figures(found)))

    @torch.no_grad()
    def moved(self) -> float:
        """How far X has gone since the fit, largest entry, both in canonical form."""
        then = torch.view_as_complex(self.fitted_X).to(torch.complex128)
        now = self.matrices().to(torch.complex128)
        return LinearGauge(self.vocab, self.d).apart(now, then)

    def symmetry(self) -> Symmetry:
        """PGL(d, C), a scale, a phase of each token and conjugation: what text does not show."""
        whole = (Action("X", 0, complex=True),)
        return Symmetry((Factor("gauge", LinearGauge(self.vocab, self.d), whole),))

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """Schmidt weights of a cut, fidelity, and the product formula; the label rounds them.

        The fidelity is that of the fit: once X has moved on it is not known, and left out.
        """
        X = self.matrices().to(torch.complex128)
        if not self.moved() <= MOVED:
            return Interpretation(f"moved since the fit, {label(X)}", features(X), formulas(X))
        fidelity = float(self.fitted_figures[0])
        found = (Feature("fidelity", fidelity, "per token, to the data's state"), *features(X))
        return Interpretation(f"fidelity {fidelity:.4f}, {label(X)}", found, formulas(X))

    @torch.no_grad()
    def certificate(self) -> Certificate:
        """Whether the ascent arrived at a stationary state, and whether its form is unique."""
        X = self.matrices().to(torch.complex128)
        found, traces = anchors(X), token_traces(X)
        fidelity, residual, gap, projection, anchor = self.fitted_figures.tolist()
        arrived = [
            # In single precision what is stored differs by 1e-7, what was found does not.
            Condition("|D| / |X|", residual, "below", self.config.tolerance * (1 + 1e-6)),
            Condition("gap of mu", gap, "above", 1e-6),
            Condition("|(SR)^2 - SR| / |SR|", projection, "below", 1e-6),
            Condition("smallest anchor beside the data", anchor, "above", 1e-6),
            Condition("X moved since the fit", self.moved(), "below", MOVED),
        ]
        return Certificate(
            "A stationary state has one canonical form where mu and rho are simple, the Schmidt "
            "weights differ and no anchor is zero. That every start finds the same state is no "
            "theorem: it is counted over seeds, and random tuples have several.",
            (*arrived, *conditions(found, traces)),
            {"fidelity when fitted": fidelity},
            undetermined(found, traces),
            settles="form",
        )


def _figures(found: Nearest) -> list[float]:
    """In the order of `UNFITTED`."""
    return [found.fidelity, found.residual, found.gap, found.projection, found.anchor]
