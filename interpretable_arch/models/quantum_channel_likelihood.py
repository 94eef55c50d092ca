"""A quantum channel at an optimum of the whole likelihood, reached without batches or noise.

L-BFGS (Liu and Nocedal 1989) on free matrices that are retracted to isometries, in float64, from
the model's own random start, until the gradient is gone. What then differs between seeds is no
noise of training: it is which optimum a start leads to, or directions in which the likelihood is
flat. See `quantum_channel` for the model, and for training by steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.certificate import Certificate, Condition
from interpretable_arch.maths.processes.distance import process_distance
from interpretable_arch.models.quantum_channel import QuantumChannel, QuantumChannelConfig

IGNORED = -100
STATIONARY = 1e-6  # largest entry of the gradient, nats a token, that counts as none
MOVED = 1e-6  # distance of processes that counts as none: it is resolved to 1e-8


@dataclass(frozen=True)
class QuantumChannelLikelihoodConfig(QuantumChannelConfig):
    """At most `steps` steps of L-BFGS."""

    steps: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(steps=self.steps)


EXAMPLES = {
    "plain": QuantumChannelLikelihoodConfig(vocab=4, d=2, kraus=1, steps=3),
    "wide": QuantumChannelLikelihoodConfig(vocab=3, d=3, kraus=2, steps=3),
}


class QuantumChannelLikelihood(QuantumChannel):
    """A `QuantumChannel` with `fit_data`; `gradient` [1] is the largest entry of the likelihood's
    gradient where it stopped, at `fitted_K`, in nats a token, infinite before any fit."""

    gradient: Float[Tensor, " 1"]
    fitted_K: Float[Tensor, "vocab kraus d d 2"]

    def __init__(self, config: QuantumChannelLikelihoodConfig) -> None:
        super().__init__(config)
        self.steps = config.steps
        self.register_buffer("gradient", torch.full((1,), torch.inf))
        self.register_buffer("fitted_K", self.K.detach().clone())

    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """To an optimum of the likelihood of (tokens, next tokens) [row, position], each row read
        from the stationary state; targets of -100 are not scored. Raises ValueError without any,
        and for a token or a target outside the vocabulary.
        """
        for tokens, targets in batches:
            self._check("tokens", tokens)
            self._check("targets", targets[targets != IGNORED])
        scored = sum(int((targets != IGNORED).sum()) for _, targets in batches)
        if not scored:
            raise ValueError("batches: wanted at least one token to score, got none")
        worker = QuantumChannel(self.config).to(self.K.device).double()
        free = self.K.detach().double().clone().requires_grad_()
        optimizer = torch.optim.LBFGS(
            [free],
            max_iter=self.steps,
            history_size=30,
            tolerance_grad=1e-9,
            tolerance_change=1e-15,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            return _loss(worker, free, batches, scored)

        with torch.enable_grad():
            optimizer.step(closure)
            reached = worker.constrain({"K": free.detach()})["K"]
            last = reached.clone().requires_grad_()
            _loss(worker, last, batches, scored)
        assert last.grad is not None
        with torch.no_grad():
            self.K.copy_(reached)
            self.fitted_K.copy_(reached)
            self.gradient.copy_(last.grad.abs().max()[None])

    def _check(self, name: str, found: Tensor) -> None:
        outside = found[(found < 0) | (found >= self.config.vocab)]
        if len(outside):
            raise ValueError(f"{name}: wanted 0 to {self.config.vocab - 1}, got {int(outside[0])}")

    def moved(self) -> float:
        """How far the process is from the fitted one (`process_distance`): 0 for a gauge copy."""
        if torch.equal(self.K, self.fitted_K):
            return 0.0
        fitted = QuantumChannel(self.config).to(self.K)
        fitted.load_state_dict({"K": self.fitted_K})
        return process_distance(self.automaton(), fitted.automaton())

    def example_batches(self) -> Sequence[tuple[Tensor, Tensor]]:
        """Rows in which each token mostly repeats."""
        generator = torch.Generator().manual_seed(0)
        rows = torch.randint(self.config.vocab, (4, 30), generator=generator)
        rows[:, 1::2] = rows[:, 0::2]
        return ((rows[:, :-1], rows[:, 1:]),)

    @torch.no_grad()
    def certificate(self) -> Certificate:
        """As a channel's, whether the gradient is gone, and whether the model is still there."""
        found = super().certificate()
        gone = Condition(
            "largest gradient of the likelihood", float(self.gradient), "below", STATIONARY
        )
        notes = () if gone.holds else (f"not converged: gradient {gone.value:.2g} nats a token",)
        still = Condition("distance from where it was fitted", self.moved(), "below", MOVED)
        conditions, notes = (*found.conditions, gone, still), (*found.notes, *notes)
        return replace(found, conditions=conditions, notes=notes)


def _loss(
    model: QuantumChannel, free: Tensor, batches: Sequence[tuple[Tensor, Tensor]], scored: int
) -> Tensor:
    """Mean -log p over the scored tokens, nats; its gradient is added to `free`, batch by batch."""
    total = free.new_zeros(())
    for tokens, targets in batches:
        K = model.constrain({"K": free})["K"]
        log = torch.func.functional_call(model, {"K": K}, (tokens,))
        counted = targets != IGNORED
        own = log.gather(-1, torch.where(counted, targets, 0)[..., None]).squeeze(-1)
        loss = -(own * counted).sum() / scored
        loss.backward()
        total += loss.detach()
    return total
