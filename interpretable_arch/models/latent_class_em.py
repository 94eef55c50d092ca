"""The hidden classes of `sense_tensor` by maximum likelihood from a random start: the contrast.

The same model of text and the same occurrences; instead of the algebra of moments, expectation
maximisation from tables drawn at random when the model is made. The likelihood is not convex, so
that where it ends is the seed's doing: several answers where the algebra has one. No theorem
says which, and so the model has no certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.maths.contexts.class_likelihood import ClassFit, maximise
from interpretable_arch.maths.contexts.context_tensor import occurrences_of, rows_of
from interpretable_arch.models.latent_classes import LatentClasses, LatentClassesConfig

CONVERGED = 1e-6


@dataclass(frozen=True)
class LatentClassEMConfig(LatentClassesConfig):
    """`steps` of expectation maximisation at most; `spread` is the standard deviation of the
    logarithms of the tables that it starts from."""

    steps: int = 500
    spread: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(steps=self.steps)
        if self.spread <= 0:
            raise ValueError(f"spread: wants more than 0, got {self.spread}")


EXAMPLES = {"plain": LatentClassEMConfig(vocab=6, classes=3, steps=3)}


class LatentClassEM(LatentClasses):
    """Tokens [batch, position] to log-probabilities of the next one [batch, position, vocab].

    `measured` keeps the mean log-likelihood of an occurrence (nats) and the last change; zero
    before a fit.
    """

    measured: Tensor

    def __init__(self, config: LatentClassEMConfig) -> None:
        super().__init__(config)
        self.steps, self.spread = config.steps, config.spread
        with torch.no_grad():
            self.evidence.normal_(std=config.spread)
            self.emission.normal_(std=config.spread)
        self.register_buffer("measured", torch.zeros(2))

    @torch.no_grad()
    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Maximise from the tables as they stand; both sides start from the evidence's.

        Raises ValueError for rows of fewer than 3 tokens.
        """
        c = self.config
        found = occurrences_of(rows_of(batches), c.vocab, c.window)
        sides = self.evidence.double().softmax(-1).cpu()
        words = self.emission.double().softmax(-1).cpu()
        start = ClassFit(self.prior[:, 0].double().softmax(0).cpu(), words, sides, sides)
        fit = maximise(found, start, self.steps, CONVERGED)
        self.set_tables(fit.share, fit.left, fit.words)
        self.measured.copy_(torch.tensor((fit.likelihood, fit.change), dtype=torch.float64))
