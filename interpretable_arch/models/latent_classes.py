"""Text whose words are made by hidden classes: a class meets the words to its left, then a word.

    p(c | left) ~ pi_c prod over the last `window` words u of p(u|c)
    p(w | left) = sum_c p(c | left) p(w|c)

A word is a list of meanings: the classes that it may come from, p(c|w) ~ pi_c p(w|c), of which the
context picks. Kept as numbers that any real values make a model of: prior [class, 1] and evidence
[class, vocab] are log pi and log p(u|c) up to what the posterior over classes does not see,
emission [class, vocab] is log p(w|c) up to its normalisation. How the tables are found is left to
the models (`models.sense_tensor` by algebra, `models.latent_class_em` by likelihood).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Formula, Interpretation, ranked
from interpretable_arch.symmetries.groups import Permutation, Translation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class LatentClassesConfig:
    """`classes` hidden classes; the last `window` words are the left context. The projection is
    spanned by the `contexts` most frequent words; `smoothing` is the share of the text's own
    frequencies in each class's distributions."""

    vocab: int
    classes: int = 8
    window: int = 2
    contexts: int = 2000
    smoothing: float = 0.001

    def __post_init__(self) -> None:
        at_least_one(vocab=self.vocab, classes=self.classes, contexts=self.contexts)
        # With one word to the left its evidence and the prior could not be told apart.
        if self.window < 2:
            raise ValueError(f"window: wants 2 or more, got {self.window}")
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing: wants a number from 0 to below 1, got {self.smoothing}")


class LatentClasses(nn.Module, ABC):
    """Tokens [batch, position] to log-probabilities of the next one [batch, position, vocab].

    Zero tables, before a fit, give the uniform distribution.
    """

    causal = True
    prior: nn.Parameter
    evidence: nn.Parameter
    emission: nn.Parameter

    def __init__(self, config: LatentClassesConfig) -> None:
        super().__init__()
        self.config = config
        self.prior = nn.Parameter(torch.zeros(config.classes, 1))
        self.evidence = nn.Parameter(torch.zeros(config.classes, config.vocab))
        self.emission = nn.Parameter(torch.zeros(config.classes, config.vocab))
        self.hook_posterior = HookPoint()

    @abstractmethod
    def fit_data(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Find the tables in the training text."""

    @property
    def fitted(self) -> bool:
        """Whether the tables say anything."""
        return bool(self.emission.any())

    def forward(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position vocab"]:
        posterior = self.hook_posterior(self.given(tokens).exp())
        found = posterior @ self.emission.softmax(-1)
        if self.hook_posterior.active:
            found = found + self._left(posterior) * self._marginal()
        return found.clamp_min(torch.finfo(found.dtype).tiny).log()

    def given(
        self, tokens: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position class"]:
        """log p(c | left): after the last `window` tokens up to each position."""
        found = self.evidence.T[tokens]
        # Window by window, not by differences of running sums: those lose digits on long texts.
        places = range(min(self.config.window, tokens.shape[-1]))
        total = sum((_later(found, j) for j in places), torch.zeros_like(found))
        return (total + self.prior[:, 0]).log_softmax(-1)

    def posterior(
        self, tokens: Int[Tensor, "*batch position"], words: Int[Tensor, "*batch position"]
    ) -> Float[Tensor, "*batch position class"]:
        """p(c | w, left): which class `words` come from after the tokens up to each position."""
        return (self.given(tokens) + self.emission.log_softmax(-1).T[words]).softmax(-1)

    def meanings(self) -> Float[Tensor, "vocab class"]:
        """p(c | w) ~ pi_c p(w|c) of each word on its own, by the prior as it stands."""
        return (self.prior + self.emission.log_softmax(-1)).softmax(0).T

    def _marginal(self) -> Float[Tensor, " vocab"]:
        return self.prior[:, 0].softmax(0) @ self.emission.softmax(-1)

    @staticmethod
    def _left(posterior: Tensor) -> Float[Tensor, "*index 1"]:
        """The probability that an edit took away: the classes' mean has it instead."""
        return 1 - posterior.sum(-1, keepdim=True)

    @torch.no_grad()
    def set_tables(
        self,
        share: Float[Tensor, " class"],
        left: Float[Tensor, "class vocab"],
        words: Float[Tensor, "class vocab"],
    ) -> None:
        """Take over pi_c, p(u|c) and p(w|c), all positive."""
        self.prior.copy_(share.log()[:, None])
        self.evidence.copy_(left.log())
        self.emission.copy_(words.log())

    def representation(self, tokens: Int[Tensor, "batch position"]) -> Float[Tensor, "input class"]:
        """p(c | left) at every position, one row each."""
        return self.given(tokens).exp().flatten(0, 1)

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.config.vocab, (count, 5), generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"class.{c}": Site("hook_posterior", -1, c) for c in range(self.config.classes)}

    def decompose(self, tokens: Int[Tensor, "*batch position"]) -> Decomposition:
        """One part per class, p(c | left) p(w|c), in the probability of the next token.

        What an edit takes from them goes to `mean`, which has nothing otherwise.
        """
        posterior = record(self, tokens, ["hook_posterior"])[1]["hook_posterior"]
        words = self.emission.softmax(-1)
        parts = [
            Component(f"class.{c}", posterior[..., c : c + 1], words[c : c + 1])
            for c in range(self.config.classes)
        ]
        parts.append(Component("mean", self._left(posterior), self._marginal()[None]))
        state = {"hook_posterior": posterior}
        return Decomposition(tuple(parts), Exactness.given(*state), "probability", state)

    def symmetry(self) -> Symmetry:
        """Classes permute; what the softmaxes over classes and over words do not see is free."""
        c = self.config
        every = tuple(Action(name, 0) for name in ("prior", "evidence", "emission"))
        free = {
            "prior": (Translation(1), Action("prior", 1)),
            "evidence": (Translation(c.vocab), Action("evidence", 1)),
            "emission": (Translation(c.classes), Action("emission", 0)),
        }
        return Symmetry(
            (
                Factor("classes", Permutation(c.classes), every, key=_centred),
                *(Factor(name, group, (action,)) for name, (group, action) in free.items()),
            )
        )

    def interpretation(self) -> Interpretation:
        """The classes' shares, largest first, which are the label; and the formula of a text of
        two words.

        Shares are the model's answer without context, where each class's evidence is 0 on average.
        """
        values = {n: v.double() for n, v in weights(self).items()}
        evidence = values["evidence"] - values["evidence"].mean(0)
        share = values["prior"][:, 0].softmax(0).sort(descending=True).values.tolist()
        does, what = "probability", "probability before any context"
        features = tuple(ranked("class", i, does, p, what) for i, p in enumerate(share))
        constants = {
            "prior": values["prior"][:, 0].tolist(),
            "evidence": evidence.T.tolist(),
            "words": values["emission"].softmax(-1).tolist(),
            "ones": [[1.0]] * self.config.classes,
        }
        score = "exp(prior + evidence[x0] + evidence[x1])"
        expression = f"({score} @ words) / ({score} @ ones)"
        formula = Formula("classes", expression, ("x0", "x1"), constants, "probability", 0.0)
        formulas = (formula,) if self.config.vocab * self.config.classes <= 4096 else ()
        return Interpretation(" ".join(f"{p:.2f}" for p in share), features, formulas)


def _centred(parameters: Parameters) -> Tensor:
    """What identifies a class, whatever the translations are."""
    prior, evidence = (parameters[n] - parameters[n].mean(0) for n in ("prior", "evidence"))
    emission = parameters["emission"]
    return torch.cat([prior, evidence, emission - emission.mean(1, keepdim=True)], 1)


def _later(x: Float[Tensor, "*batch position d"], places: int) -> Tensor:
    """x of `places` before, zero where there is none."""
    return F.pad(x, (0, 0, places, 0))[..., : x.shape[-2], :]
