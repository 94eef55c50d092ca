"""A row of tokens with the squared amplitude of a uniform matrix product state as probability.

    p(x_1 .. x_n) = tr(sigma X_x1 .. X_xn X_xn* .. X_x1*),    sum_w X_w X_w* = 1
    p(w | sigma) = tr(X_w* sigma X_w),    sigma -> X_w* sigma X_w / p(w | sigma)

The start sigma is the stationary state, so that a window of a text has the likelihood that it has
within the text. What the models of this kind share; how X is found is what sets them apart. As a
process it is the quantum channel with the one Kraus operator X_w* a token (Fannes, Nachtergaele,
Werner 1992; Born machines: Han et al. 2018, arXiv 1709.01662).

Mean loss in nats is at least the entropy of single tokens less log d, for any X:
p(w | sigma) <= tr X_w X_w*, and these sum to d.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.maths.processes.channels import (
    coordinates,
    hermitian_basis,
    matrices,
    stationary,
    superoperators,
    trace_row,
)
from interpretable_arch.maths.processes.prefix_scan import prefix_states
from interpretable_arch.symmetry import Symmetry


class BornMachine(nn.Module, ABC):
    """Tokens [batch, position] to log-probabilities of the next one [batch, position, vocab]."""

    causal = True

    def __init__(self, vocab: int, d: int) -> None:
        super().__init__()
        self.vocab, self.d = vocab, d
        start = torch.randn(vocab, d, d, dtype=torch.complex128) / (2 * vocab * d) ** 0.5
        start = torch.view_as_real(self.started(start))
        self.X = nn.Parameter(start.to(torch.get_default_dtype()).contiguous())
        self.hook_state, self.hook_eigen = HookPoint(), HookPoint()

    def started(self, X: Complex[Tensor, "vocab d d"]) -> Complex[Tensor, "vocab d d"]:
        """Where a random start [vocab, d, d] begins."""
        return X

    @abstractmethod
    def isometric(self) -> Complex[Tensor, "vocab d d"]:
        """X_w in a basis where sum_w X_w X_w* = 1."""

    @abstractmethod
    def symmetry(self) -> Symmetry: ...

    def matrices(self) -> Complex[Tensor, "vocab d d"]:
        """X_w as it is stored."""
        return torch.view_as_complex(self.X)

    def operators(self) -> Float[Tensor, "vocab coordinate coordinate"]:
        """What each token does to the real coordinates of sigma, as a row."""
        return superoperators(self.isometric().mH[:, None], hermitian_basis(self.d, self.X))

    def states(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position coordinate"]:
        """sigma after each token; the stationary state after what has probability 0."""
        return self._states(tokens, self.operators())

    def _states(self, tokens: Tensor, S: Tensor) -> Tensor:
        r, t = stationary(S.sum(0)), trace_row(self.d, S)
        chosen = S.index_select(0, tokens.flatten()).unflatten(0, tokens.shape)
        rows, _ = prefix_states(r.expand(*tokens.shape[:-1], -1), chosen)
        trace = (rows * t).sum(-1, keepdim=True)
        possible = trace > torch.finfo(trace.dtype).tiny
        return self.hook_state(torch.where(possible, rows / torch.where(possible, trace, 1), r))

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        S = self.operators()
        state = self._states(tokens, S)
        if self.hook_eigen.active:
            parts = self.hook_eigen(self._eigenstates(state))
            state = parts.sum(-2) + self._left(parts) * stationary(S.sum(0))
        return self._floored(state @ (S @ trace_row(self.d, S)).T).log()

    def _floored(self, p: Tensor) -> Tensor:
        """A token that has never occurred keeps a probability above 0, rounding aside."""
        return p.clamp_min(torch.finfo(p.dtype).eps ** 2)

    def _eigenstates(self, state: Tensor) -> Float[Tensor, "*index eigenstate coordinate"]:
        """Each eigenstate's projector times its probability, most probable first."""
        basis = hermitian_basis(self.d, state)
        values, vectors = torch.linalg.eigh(matrices(state, basis))
        values, vectors = values.flip(-1), vectors.flip(-1)
        projectors = torch.einsum("...ik,...jk->...kij", vectors, vectors.conj())
        return values[..., None] * coordinates(projectors, basis)

    def _left(self, parts: Tensor) -> Float[Tensor, "*index 1"]:
        """The probability that an edit took away: the stationary state has it instead."""
        return 1 - (parts.sum(-2) * trace_row(self.d, parts)).sum(-1, keepdim=True)

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """The eigenstates of sigma, by probability, in the probability of the next token.

        What an edit takes from them goes to `stationary`, which has nothing otherwise.
        """
        _, cache = record(self, tokens, ["hook_state", "hook_eigen"])
        S = self.operators()
        effects, parts = (S @ trace_row(self.d, S)).T, cache["hook_eigen"]
        found = [Component(f"eigenstate.{i}", parts[..., i, :], effects) for i in range(self.d)]
        background = stationary(S.sum(0))[None] @ effects
        found.append(Component("stationary", self._left(parts), background))
        state = {"hook_state": cache["hook_state"]}
        return Decomposition(tuple(found), Exactness.given(*state), "probability", state)

    def sites(self) -> Mapping[str, Site]:
        return {f"eigenstate.{i}": Site("hook_eigen", -2, i) for i in range(self.d)}

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input a"]:
        """The state at every position, one row each; a unitary change of basis rotates it."""
        return self.states(tokens).flatten(0, 1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.vocab, (count, 5), generator=generator)
