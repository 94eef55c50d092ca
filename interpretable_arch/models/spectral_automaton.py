"""A token is a matrix, found in closed form: the spectral automaton.

    f(x_1 .. x_n) = a A_{x_1} .. A_{x_n} b,    p(x | x_1 .. x_n) = s A_x b / sum_y s A_y b

`fit_data` reads a, A and b off the Hankel matrix of the text by one singular value decomposition
(Hsu, Kakade & Zhang 2009, arXiv 0811.4413; Balle, Carreras, Luque & Quattoni 2014): no seed, no
step, no local optimum. The number of states and the floor are chosen on the training text. Every
hidden Markov model and every quantum channel is such an automaton, not the other way round.

What is estimated so may give negative odds. They are raised to a floor, a share of how often the
token stands anywhere, and what that changes is a part of its own, `floor`, never hidden. Before the
fit the model is a random hidden Markov model of `states` states, or the uniform one where these are
left to the data.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation
from interpretable_arch.maths.contexts.text_rows import rows_of
from interpretable_arch.maths.processes.automata import floored, floors, readout, states_after
from interpretable_arch.maths.processes.distance import States, process_distance
from interpretable_arch.maths.processes.spectral_choice import Choice, Search, choose
from interpretable_arch.readings.automaton_reading import certify, read_automaton
from interpretable_arch.symmetries.general_linear import automaton_factors
from interpretable_arch.symmetry import Symmetry

SHARP = 2.0  # contrast of the random tables before the fit
TABLES = ("correlations", "tried", "noise", "fitted")
UNFITTED_FLOOR = 1e-5


@dataclass(frozen=True)
class SpectralAutomatonConfig:
    """`states` None: chosen on the text, at most `most_states`. Pasts and futures are told apart by
    at most `classes` words, none longer than `longest`. `floor`: the least odds of a token, as a
    share of its odds anywhere; None: chosen on the text."""

    vocab: int
    states: int | None = None
    most_states: int = 32
    classes: int = 256
    longest: int = 6
    floor: float | None = None

    def __post_init__(self) -> None:
        at_least_one(
            vocab=self.vocab, states=self.states, most_states=self.most_states, longest=self.longest
        )
        if self.vocab < 2:
            raise ValueError(f"vocab: wanted 2 or more, got {self.vocab}")
        if self.classes < self.vocab:
            raise ValueError(
                f"classes: wanted at least one for each of {self.vocab} tokens, got {self.classes}"
            )
        if self.floor is not None and not 0 < self.floor < 1:
            raise ValueError(f"floor: wanted a number between 0 and 1, got {self.floor}")


EXAMPLES = {
    "plain": SpectralAutomatonConfig(vocab=4, states=2, longest=2),
    "wide": SpectralAutomatonConfig(vocab=5, states=3, longest=2),
}


class SpectralAutomaton(nn.Module):
    """Tokens [batch, position] to log-probabilities of the next one [batch, position, vocab].

    start [state], operators [vocab, state, state], end [state]; buffers for the certificate:
    `correlations` of past and future, `noise` (their edge, states above it, number of places),
    `tried` (classes, states, floor, held-out nats), `fitted` (start, operators, end: flat) are
    empty before the fit; `floor` is a share.
    """

    causal = True
    correlations: Float[Tensor, " value"]
    tried: Float[Tensor, "trial 4"]
    floor: Float[Tensor, ""]
    noise: Float[Tensor, " figure"]
    fitted: Float[Tensor, " entry"]

    def __init__(self, config: SpectralAutomatonConfig) -> None:
        super().__init__()
        self.config = config
        start, operators, end = _random_process(config.vocab, config.states or 1)
        self.start, self.operators = nn.Parameter(start), nn.Parameter(operators)
        self.end = nn.Parameter(end)
        self.register_buffer("correlations", torch.zeros(0))
        self.register_buffer("tried", torch.zeros(0, 4))
        self.register_buffer("floor", torch.tensor(config.floor or UNFITTED_FLOOR))
        self.register_buffer("noise", torch.zeros(0))
        self.register_buffer("fitted", torch.zeros(0))
        self.hook_state, self.hook_floor = HookPoint(), HookPoint()
        self.register_load_state_dict_pre_hook(_take_shapes)

    def automaton(self) -> States:
        """(a, A, b)."""
        return self.start, self.operators, self.end

    @property
    def states(self) -> int:
        return len(self.start)

    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Fit to rows of tokens [row, position] with the tokens that follow them.

        Raises ValueError for rows too short for `longest`, for tokens that are none of the vocab's
        and for more states than there are.
        """
        found = self.choice(batches)
        with torch.no_grad():
            kept, best = found.spectrum, found.best
            self._take(kept.automaton(best.states))
            self.fitted = torch.cat([part.flatten() for part in self.automaton()])
            like = self.start
            self.correlations = kept.correlations[: 4 * best.states + 16].to(like)
            self.noise = like.new_tensor([kept.edge, kept.above_noise, kept.count])
            self.tried = like.new_tensor([astuple(trial) for trial in found.tried])
            self.floor = like.new_tensor(best.floor)

    def choice(self, batches: Sequence[tuple[Tensor, Tensor]]) -> Choice:
        """The decomposed Hankel matrix of these rows and what was chosen."""
        c = self.config
        most = max(c.most_states, c.states or 1)
        search = Search(c.vocab, c.classes, most, c.longest, c.floor)
        return choose(_known(rows_of(batches), c.vocab), search, c.states)

    def take(self, model: States) -> None:
        """Become the automaton with this start, these operators and this end."""
        with torch.no_grad():
            self._take(model)

    def _take(self, model: States) -> None:
        for name, value in zip(("start", "operators", "end"), model, strict=True):
            old = getattr(self, name)
            setattr(self, name, nn.Parameter(value.to(old).contiguous()))

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        raw = self.raw_odds(tokens)
        least = floors(self.automaton(), self.floor)
        raised = raw + self.hook_floor(floored(raw, least) - raw)
        return raised.clamp_min(torch.finfo(raw.dtype).tiny).log()

    def raw_odds(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        """s A_x b: what the automaton says before the floor; sums to 1, may be negative."""
        state = self.hook_state(states_after(self.automaton(), tokens))
        each, mass = readout(self.automaton())
        return state @ each.T + self._lost(state, mass) * self._stationary(each, mass)

    @staticmethod
    def _lost(state: Tensor, mass: Tensor) -> Float[Tensor, "*index 1"]:
        """The mass that an edit took from the state; the start has it instead."""
        return 1 - (state @ mass)[..., None]

    def _stationary(self, each: Tensor, mass: Tensor) -> Float[Tensor, " vocab"]:
        return (each @ self.start) / (mass @ self.start)

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input vocab"]:
        """What the state at every position says of the next token, whatever the basis."""
        return self.raw_odds(tokens).flatten(0, 1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.vocab, (count, 5), generator=generator)

    def example_batches(self) -> Sequence[tuple[Tensor, Tensor]]:
        """Rows in which each token mostly decides the next."""
        generator = torch.Generator().manual_seed(0)
        draws = torch.randint(self.config.vocab, (6, 200), generator=generator)
        kept = torch.rand(6, 200, generator=generator) < 0.6
        rows = draws.clone()
        for i in range(1, 200):
            rows[:, i] = torch.where(
                kept[:, i], (rows[:, i - 1] + 1) % self.config.vocab, rows[:, i]
            )
        return [(rows[:, :-1], rows[:, 1:])]

    def sites(self) -> Mapping[str, Site]:
        return {f"state.{i}": Site("hook_state", -1, i) for i in range(self.states)}

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """Each coordinate of the state in the probability of the next token, and what the floor
        adds. What an edit takes from the state goes to `stationary`, nothing otherwise."""
        _, cache = record(self, tokens, ["hook_state", "hook_floor"])
        state = cache["hook_state"]
        each, mass = readout(self.automaton())
        parts = [
            Component(f"state.{i}", state[..., i : i + 1], each[:, i][None])
            for i in range(self.states)
        ]
        stationary = self._stationary(each, mass)[None]
        parts.append(Component("stationary", self._lost(state, mass), stationary))
        eye = torch.eye(self.config.vocab, dtype=state.dtype, device=state.device)
        parts.append(Component("floor", cache["hook_floor"], eye))
        return Decomposition(tuple(parts), Exactness.given(*cache), "probability", cache)

    def symmetry(self) -> Symmetry:
        """GL(states), and the sizes of start and operators, which the odds do not show."""
        return Symmetry(automaton_factors(self.states))

    @torch.no_grad()
    def interpretation(self) -> Interpretation:
        """Hankel singular values, the memory of the process, and the product of matrices."""
        return read_automaton(self._canonical(), float(self.floor), self._at_the_cap())

    @torch.no_grad()
    def certificate(self) -> Certificate:
        """The gaps on which the one decomposition rests, and that the model is still the fitted."""
        tables = self.correlations.double(), self.noise.double()
        return certify(self._canonical(), *tables, self._moved(), self._at_the_cap())

    def _canonical(self) -> States:
        return self._form(self.automaton())

    def _form(self, model: States) -> States:
        names = ("start", "operators", "end")
        values = {n: p.detach().double() for n, p in zip(names, model, strict=True)}
        found = self.symmetry().canonical(values)
        return found["start"], found["operators"], found["end"]

    def _moved(self) -> float:
        """How far the process is from the fitted one; NaN before the fit."""
        if len(self.fitted) == 0:
            return math.nan
        sizes = [part.numel() for part in self.automaton()]
        if sum(sizes) != len(self.fitted):
            return math.inf
        start, operators, end = self.fitted.split(sizes)
        fitted = start, operators.view_as(self.operators), end
        return process_distance(self._canonical(), self._form(fitted))

    def _at_the_cap(self) -> tuple[str, ...]:
        """A note where more states might have been chosen, had they been allowed."""
        most = self.config.most_states
        if self.config.states is not None or len(self.tried) == 0 or self.states < most:
            return ()
        return (
            f"the number of states chosen, {most}, is the most that `most_states` allows: more "
            "might foretell better",
        )


def _known(rows: list[Tensor], vocab: int) -> list[Tensor]:
    """The rows; ValueError for none, and for the first token that is not of the vocab."""
    if not any(map(len, rows)):
        raise ValueError("rows: wanted sequences of tokens, got none that is not empty")
    for row in rows:
        wrong = row[(row < 0) | (row >= vocab)]
        if len(wrong):
            raise ValueError(
                f"tokens: wanted 0 to {vocab - 1} (vocab {vocab}), got {int(wrong[0])}"
            )
    return rows


def spectral_start(batches: Sequence[tuple[Tensor, Tensor]], vocab: int, **options: Any) -> States:
    """(a, A, b) fitted to the rows: a data-made start for other models.

    `options` are those of `SpectralAutomatonConfig`.
    """
    model = SpectralAutomaton(SpectralAutomatonConfig(vocab, **options)).double()
    model.fit_data(batches)
    return tuple(part.detach() for part in model.automaton())  # pyright: ignore[reportReturnType]


def _random_process(vocab: int, states: int) -> States:
    """A hidden Markov model of random tables: A_x = diag(p(x | state)) T, b = 1."""
    if states == 1:
        return torch.ones(1), torch.full((vocab, 1, 1), 1 / vocab), torch.ones(1)
    tables = [torch.randn(states, size).mul(SHARP).softmax(-1) for size in (states, vocab)]
    operators = torch.einsum("ix,ij->xij", tables[1], tables[0])
    return torch.randn(states).softmax(-1), operators.contiguous(), torch.ones(states)


def _take_shapes(module: nn.Module, stored: Mapping[str, Any], prefix: str, *_: Any) -> None:
    """Gives parameters and tables the shapes that the data gave the stored ones."""
    for name in ("start", "operators", "end", *TABLES):
        value, old = stored.get(prefix + name), getattr(module, name)
        if value is None or value.shape == old.shape:
            continue
        new = old.new_zeros(value.shape)
        setattr(module, name, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)
