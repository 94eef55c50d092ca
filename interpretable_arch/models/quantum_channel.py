"""A quantum channel that emits tokens: the hidden quantum Markov model.

    p(w | rho) = tr sum_i K_{w,i} rho K_{w,i}*,    rho -> sum_i K_{w,i} rho K_{w,i}* / p(w | rho)

A token is a set of Kraus operators, sum over w and i of K* K = 1: all of them stacked are an
isometry, kept by the polar retraction. The start is the stationary state of the channel, so that
the process is stationary and a window of a text has the likelihood that it has within the text. On
the real coordinates of rho (`maths.processes.channels`) a token is a real matrix S_w, products of
which are scanned over time. Every hidden Markov model is one (`from_hmm`), not the other way round.
Srinivasan, Gordon and Boots 2018, arXiv 1710.09016.

The probability of the next token is linear in the state: its parts are the eigenstates of rho, each
with its probability. The meanings of a token are the eigenvectors of its effect E_w = sum_i K* K.

The declared symmetry is everything while the operators of a token are few (d = 2: one operator;
two from three tokens on; three from nine on): at kraus = d^2 more is flat, as every map close to a
completely positive one is completely positive too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Complex, Float, Int, Shaped
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Formula, Interpretation
from interpretable_arch.maths.density import von_neumann_entropy
from interpretable_arch.maths.polar import newton_schulz
from interpretable_arch.maths.processes.channels import (
    coordinates,
    hermitian_basis,
    hidden_markov_kraus,
    matrices,
    stationary,
    stationary_states,
    superoperators,
    trace_row,
)
from interpretable_arch.maths.processes.distance import States
from interpretable_arch.maths.processes.isometry import nearest_isometry
from interpretable_arch.maths.processes.prefix_scan import prefix_states
from interpretable_arch.maths.spread import evenly
from interpretable_arch.readings.channel_reading import certify, product_formula, read_channel
from interpretable_arch.symmetries.kraus import Basis, Conjugation, Mixing
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry

FORMULA_LENGTH, MOST_CONSTANTS, MOST_WORDS = 2, 20_000, 4096
IMPOSSIBLE = 1e-9


@dataclass(frozen=True)
class QuantumChannelConfig:
    """States in C^d, `kraus` operators a token."""

    vocab: int
    d: int = 2
    kraus: int = 1

    def __post_init__(self) -> None:
        at_least_one(vocab=self.vocab, d=self.d, kraus=self.kraus)


EXAMPLES = {
    "plain": QuantumChannelConfig(vocab=4, d=2, kraus=1),
    "mixed": QuantumChannelConfig(vocab=4, d=2, kraus=2),
    "wide": QuantumChannelConfig(vocab=3, d=3, kraus=2),
}


class QuantumChannel(nn.Module):
    """Tokens [batch, position] to log-probabilities of the next one [batch, position, vocab].

    K [vocab, kraus, d, d, 2], real and imaginary part.
    """

    causal = True

    def __init__(self, config: QuantumChannelConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        start = torch.randn(c.vocab * c.kraus * c.d, c.d, dtype=torch.complex128)
        start = nearest_isometry(start / len(start) ** 0.5)
        start = torch.view_as_real(start.reshape(c.vocab, c.kraus, c.d, c.d))
        self.K = nn.Parameter(start.to(torch.get_default_dtype()).contiguous())
        self.hook_state, self.hook_eigen = HookPoint(), HookPoint()

    @staticmethod
    def from_hmm(
        transition: Shaped[Tensor, "*state"], emission: Shaped[Tensor, "*emission"]
    ) -> "QuantumChannel":
        """The channel of a hidden Markov model in its stationary law; rho is the belief.

        `transition` [i, j] is p(j | i), `emission` [i, w] is p(w | i). Raises ValueError for tables
        that are no distributions, and for a chain that falls apart: its law has no one start.
        """
        kraus = hidden_markov_kraus(transition, emission)
        if (found := stationary_states(transition)) != 1:
            raise ValueError(f"transition: wanted one stationary law, got a chain with {found}")
        model = QuantumChannel(QuantumChannelConfig(len(kraus), len(transition), kraus.shape[1]))
        model = model.to(kraus.real.dtype)
        model.load_state_dict({"K": torch.view_as_real(kraus)})
        return model

    def kraus(self) -> Complex[Tensor, "vocab kraus d d"]:
        """K_{w,i}, past one Newton-Schulz step: it leaves values alone, as they are an isometry,
        and projects the gradient on the tangent space."""
        K = torch.view_as_complex(self.K)
        return newton_schulz(K.flatten(0, 2), 1).reshape(K.shape)

    def constrain(self, parameters: Parameters) -> dict[str, Tensor]:
        """Back to an isometry after a step (any leading axes)."""
        K = torch.view_as_complex(parameters["K"])
        stacked = nearest_isometry(K.flatten(-4, -2)).reshape(K.shape)
        return {**parameters, "K": torch.view_as_real(stacked)}

    def operators(self) -> Float[Tensor, "vocab coordinate coordinate"]:
        """S_w: what each token does to the coordinates of the state, as a row."""
        return superoperators(self.kraus(), hermitian_basis(self.config.d, self.K))

    def automaton(self) -> States:
        """(r, S, t) with p(x_1 .. x_n) = r S_x1 .. S_xn t."""
        S = self.operators()
        return stationary(S.sum(0)), S, trace_row(self.config.d, S)

    def states(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position coordinate"]:
        """rho after each token, in coordinates; stationary after what has probability 0."""
        return self._states(tokens, *self.automaton())

    def _states(self, tokens: Tensor, r: Tensor, S: Tensor, t: Tensor) -> Tensor:
        if not tokens.shape[-1]:
            raise ValueError(f"tokens: wanted at least one position, got {list(tokens.shape)}")
        chosen = S.index_select(0, tokens.flatten()).unflatten(0, tokens.shape)
        rows, _ = prefix_states(r.expand(*tokens.shape[:-1], -1), chosen)
        trace = (rows * t).sum(-1, keepdim=True)
        possible = trace > torch.finfo(trace.dtype).tiny
        return self.hook_state(torch.where(possible, rows / torch.where(possible, trace, 1), r))

    def density(self, tokens: Int[Tensor, "*batch position"]) -> Complex[Tensor, "*batch p d d"]:
        """rho after each token."""
        return matrices(self.states(tokens), hermitian_basis(self.config.d, self.K))

    def state_entropy(self, tokens: Int[Tensor, "*batch position"]) -> Float[Tensor, "*batch p"]:
        """-tr rho log rho after each token, nats, in [0, log d]."""
        return von_neumann_entropy(self.density(tokens))

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        r, S, t = self.automaton()
        state = self._states(tokens, r, S, t)
        if self.hook_eigen.active:
            parts = self.hook_eigen(self._eigenstates(state))
            state = parts.sum(-2) + self._left(parts, t) * r
        # Rounding can leave a probability a hair below zero.
        return (state @ (S @ t).T).clamp_min(torch.finfo(state.dtype).tiny).log()

    def _eigenstates(self, state: Tensor) -> Float[Tensor, "*index eigenstate coordinate"]:
        """Each eigenstate's projector times its probability, most probable first."""
        basis = hermitian_basis(self.config.d, state)
        values, vectors = torch.linalg.eigh(matrices(state, basis))
        values, vectors = values.flip(-1), vectors.flip(-1)
        projectors = torch.einsum("...ik,...jk->...kij", vectors, vectors.conj())
        return values[..., None] * coordinates(projectors, basis)

    @staticmethod
    def _left(parts: Tensor, t: Tensor) -> Float[Tensor, "*index 1"]:
        """The probability that an edit took away: the stationary state has it instead."""
        return 1 - (parts.sum(-2) * t).sum(-1, keepdim=True)

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input a"]:
        """The state at every position, one row each; a change of basis rotates it."""
        return self.states(tokens).flatten(0, 1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.vocab, (count, 5), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"eigenstate.{i}": Site("hook_eigen", -2, i) for i in range(self.config.d)}

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """The eigenstates of rho, by probability, in the probability of the next token.

        What an edit takes from them goes to `stationary`, which has nothing otherwise.
        """
        _, cache = record(self, tokens, ["hook_state", "hook_eigen"])
        r, S, t = self.automaton()
        effects, parts = (S @ t).T, cache["hook_eigen"]
        found = [
            Component(f"eigenstate.{i}", parts[..., i, :], effects) for i in range(self.config.d)
        ]
        found.append(Component("stationary", self._left(parts, t), r[None] @ effects))
        state = {"hook_state": cache["hook_state"]}
        return Decomposition(tuple(found), Exactness.given(*state), "probability", state)

    def symmetry(self) -> Symmetry:
        """Complex conjugation, PU(d), and U(kraus) for each token."""
        c = self.config
        whole = (Action("K", 2, complex=True),)
        each = (Action("K", 1, copies_axis=0, complex=True),)
        factors = [
            Factor("basis", Basis(c.d, c.kraus), whole, stabiliser=1),
            Factor("mixing", Mixing(c.kraus), each, c.vocab),
        ]
        if c.d > 1:
            factors.insert(0, Factor("conjugation", Conjugation(c.d, c.kraus), whole))
        return Symmetry(tuple(factors))

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """The stationary state, each token's meanings, and the product formula."""
        canonical = self.symmetry().canonical({"K": self.K.detach().double()})["K"]
        kraus = torch.view_as_complex(canonical)
        read = read_channel(kraus)
        if self.config.vocab * self.config.d**4 > MOST_CONSTANTS:
            return read
        formula = product_formula(kraus, FORMULA_LENGTH)
        return replace(read, formulas=(replace(formula, error=self._error(formula)),))

    def _error(self, formula: Formula) -> float:
        """The formula's largest distance from the model over the words of its length that may
        occur, up to 4096 of them: after the others the formula has no answer."""
        vocab, n = self.config.vocab, FORMULA_LENGTH
        count = min(vocab**n, MOST_WORDS)
        numbers = evenly(vocab**n, count)
        words = torch.stack([numbers // vocab**i % vocab for i in range(n)], -1).to(self.K.device)
        r, S, t = self.automaton()
        occurs = (r @ S[words[:, 0]])[:, None, :] @ S[words[:, 1]] @ t > IMPOSSIBLE
        words = words[occurs.squeeze(-1)]
        wanted = self(words)[:, -1].exp().double().cpu().numpy()
        columns = {name: words[:, i].cpu().numpy() for i, name in enumerate(formula.inputs)}
        return float(abs(formula.evaluate(**columns)[:, 0] - wanted).max())

    @torch.no_grad()
    def certificate(self) -> Certificate:
        """What fixes the canonical form here; the likelihood has no theorem of one optimum."""
        return certify(torch.view_as_complex(self.K.detach().double()))
