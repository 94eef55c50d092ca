"""Density senses: the token as a density matrix, read by a measurement that the context makes.

    h = GELU(norm(e) W_in),  rows A(e)_l = h W_A_l,  a^2 = tr A* A,  rho = A* A / a^2,  q = s W_Q
    y = a q rho / sqrt(1 + q rho q*) = (q A*) A / sqrt(a^2 + |q A*|^2)

With rho = sum_i lambda_i v_i* v_i the v_i are the meanings, the lambda_i how likely each is and
S(rho) = -sum lambda log lambda how ambiguous the word is (von Neumann 1927). A is a purification of
rho: vectors beside labels. The context asks for the line of q (projector on q/|q|); a "yes" leaves
the labels in the pure state q A*, in which meaning i has the probability

    p_i = lambda_i (v_i . q)^2 / q rho q*,

which is Bayes' rule: the diagonal of the Lueders update rho^1/2 E rho^1/2 / tr, E = q* q / |q|^2.
That state is read out linearly, by A. "Yes" weighs q rho q* against 1 for an answer that says
nothing and writes nothing.

U A has the same rho and the same output for every orthogonal U: the rows of A, or any other set of
vectors that mix to rho, can't be told apart; the v_i are the one set that is orthogonal. Forward
needs no eigenvectors, whose gradient is unbounded where two lambda meet. Each meaning is a part,
exact given its amplitude and the hidden units of its token.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Feature, Interpretation, ranked
from interpretable_arch.layers.token_matrix import (
    MeaningTable,
    RankConfig,
    TokenMatrix,
    hidden_units,
)
from interpretable_arch.maths.density import eigenmeanings, shares
from interpretable_arch.symmetries.groups import Orthogonal, Permutation
from interpretable_arch.symmetry import Action, Factor, Symmetry, weights

# Keeps the square root's gradient finite at a token without any meaning.
TINY = 1e-12


@dataclass(frozen=True)
class DensitySensesConfig(RankConfig):
    """`senses` is the rank of rho."""


EXAMPLES = {
    "plain": DensitySensesConfig(d_model=4, senses=2, d_hidden=5, std=0.6),
    "full": DensitySensesConfig(d_model=3, senses=3, d_hidden=4, std=0.6),
}


class DensitySenses(TokenMatrix):
    """W_A [d_hidden, sense, d_model] makes the rows of A, W_Q [d_model, d_model] the question.

    W_Q starts at a size where "yes" and saying nothing weigh alike.
    """

    def __init__(self, config: DensitySensesConfig) -> None:
        super().__init__(config)
        c = config
        shape = (c.width, c.senses, c.d_model)
        self.W_A = nn.Parameter(torch.empty(shape).normal_(std=c.std_out or c.std))
        self.W_Q = nn.Parameter(torch.empty(c.d_model, c.d_model).normal_(std=c.d_model**-0.5))
        self.hook_amplitude = HookPoint()

    def forward(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index d_model"]:
        state, token = self.split(x)
        A = self._rows(self.hidden(token))
        labels = self._labels(state, A)
        if self.hook_amplitude.active:
            amplitude, written = _in_eigenbasis(labels, A)
            return _sum(self.hook_amplitude(amplitude), written)
        return _sum(labels, A)

    def _rows(self, h: Tensor) -> Float[Tensor, "*index sense d_model"]:
        return self.vectors(h, self.W_A)

    def _labels(self, state: Tensor, A: Tensor) -> Float[Tensor, "*index sense"]:
        """q A* / sqrt(a^2 + |q A*|^2): the state of the labels once the context has asked."""
        overlap = torch.einsum("...ld,...d->...l", A, state @ self.W_Q)
        power = A.square().sum((-2, -1)) + overlap.square().sum(-1)
        return overlap / (power + TINY).sqrt()[..., None]

    def rows(self, e: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index sense d_model"]:
        """A(e); `maths.density` reads rho, its entropy and its eigenvectors off it."""
        return self._rows(self.hidden(e))

    def meanings(self, e: Float[Tensor, "*index d_model"]) -> MeaningTable:
        """The eigenvectors of rho and, at rest, their eigenvalues."""
        found = eigenmeanings(self.rows(e))
        return MeaningTable(found.vectors, found.probabilities)

    def amplitude(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index meaning"]:
        """a lambda_i (v_i . q) / sqrt(1 + q rho q*)."""
        state, token = self.split(x)
        A = self.rows(token)
        return _in_eigenbasis(self._labels(state, A), A)[0]

    def weigh(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index meaning"]:
        """p_i, the probability of each meaning after the context's measurement."""
        state, token = self.split(x)
        A = self.rows(token)
        mixing = eigenmeanings(A).mixing
        return shares(torch.einsum("...l,...li->...i", self._labels(state, A), mixing).square())

    def sites(self) -> Mapping[str, Site]:
        return {f"meaning.{i}": Site("hook_amplitude", -1, i) for i in range(self.config.senses)}

    def decompose(self, x: Float[Tensor, "*index pair"]) -> Decomposition:
        """One part per eigenvector of the token's rho, in descending order of eigenvalue."""
        _, cache = record(self, x, ["hook_amplitude", "hook_post"])
        written = eigenmeanings(self._rows(cache["hook_post"])).vectors
        values = cache["hook_amplitude"][..., None] * written
        direction = torch.eye(self.config.d_model, dtype=x.dtype, device=x.device)
        parts = [
            Component(f"meaning.{i}", values[..., i, :], direction)
            for i in range(self.config.senses)
        ]
        return Decomposition(tuple(parts), Exactness.given(*cache), "activation", cache)

    def residual_actions(self) -> list[Action]:
        return [Action("W_in", 0), Action("W_A", -1), Action("W_Q", 0), Action("W_Q", 1)]

    def symmetry(self) -> Symmetry:
        """Hidden units permute; the labels of the vectors that mix to rho rotate."""
        c = self.config
        hidden = (Action("W_in", 1), Action("W_A", 0))
        return Symmetry(
            (
                Factor("hidden", Permutation(c.width), hidden, key=hidden_units),
                Factor("labels", Orthogonal(c.senses), (Action("W_A", 1),)),
            )
        )

    def interpretation(self) -> Interpretation:
        """Sizes of the canonical labels over all hidden units, and of the question."""
        parameters = self.symmetry().canonical(weights(self))
        sizes = parameters["W_A"].movedim(1, 0).flatten(1).norm(dim=1)
        features = [
            ranked("label", i, "size", float(s), "singular value of W_A over labels")
            for i, s in enumerate(sizes)
        ]
        question = Feature("question", float(parameters["W_Q"].norm()), "norm of W_Q")
        return Interpretation("", (*features, question))


def _in_eigenbasis(labels: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """The amplitudes [.., meaning] of unit eigenvectors, and those vectors."""
    found = eigenmeanings(A)
    sizes = torch.einsum("...li,...ld,...id->...i", found.mixing, A, found.vectors)
    return torch.einsum("...l,...li->...i", labels, found.mixing) * sizes, found.vectors


def _sum(amplitude: Tensor, written: Tensor) -> Float[Tensor, "*index d_model"]:
    return torch.einsum("...i,...id->...d", amplitude, written)
