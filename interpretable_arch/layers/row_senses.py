"""Row senses: the token as a matrix whose rows are meanings, weighed by the context.

    h = GELU(norm(e) W_in),   C(e)_l = h W_out_l,   y = sum over l of alpha_l C(e)_l,
    alpha = softmax over l of (s . h W_K_l / sqrt(d_model) + h W_prior_l)

The rows C(e) are Backpack's sense vectors (Hewitt et al. 2023, arXiv 2305.16765) with the context
of one position as what weighs them; without context (s = 0) the prior alone does. Without the root
one sense took nearly all occurrences of every word early in training, at the same loss. Each sense
is a part, exact given alpha and the hidden units of its token.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.layers.token_matrix import MeaningTable, TokenMatrix, TokenMatrixConfig
from interpretable_arch.symmetries.groups import Permutation, Translation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class RowSensesConfig(TokenMatrixConfig):
    """`senses` rows a token: any number."""


EXAMPLES = {"plain": RowSensesConfig(d_model=4, senses=3, d_hidden=5, std=0.6)}


class RowSenses(TokenMatrix):
    """W_out, W_K [d_hidden, sense, d_model]: what a sense writes, and which context calls it.

    W_prior [d_hidden, sense]: how much it is called in any context.
    """

    def __init__(self, config: RowSensesConfig) -> None:
        super().__init__(config)
        c = config
        shape = (c.width, c.senses, c.d_model)
        self.W_out = nn.Parameter(torch.empty(shape).normal_(std=c.std_out or c.std))
        self.W_K = nn.Parameter(torch.empty(shape).normal_(std=c.std))
        self.W_prior = nn.Parameter(torch.empty(shape[:2]).normal_(std=c.std))
        self.hook_alpha = HookPoint()

    def forward(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index d_model"]:
        state, token = self.split(x)
        h = self.hidden(token)
        alpha = self.hook_alpha(self._alpha(state, h))
        return torch.einsum("...l,...ld->...d", alpha, self.vectors(h, self.W_out))

    def _alpha(self, state: Tensor, h: Tensor) -> Float[Tensor, "*index sense"]:
        scores = torch.einsum("...d,...ld->...l", state, self.vectors(h, self.W_K))
        return (scores * self.config.d_model**-0.5 + h @ self.W_prior).softmax(-1)

    def meanings(self, e: Float[Tensor, "*index d_model"]) -> MeaningTable:
        """The rows C(e), and the softmax of the prior."""
        h = self.hidden(e)
        return MeaningTable(self.vectors(h, self.W_out), (h @ self.W_prior).softmax(-1))

    def amplitude(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index meaning"]:
        state, token = self.split(x)
        return self._alpha(state, self.hidden(token))

    def weigh(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index meaning"]:
        """alpha itself."""
        return self.amplitude(x)

    def sites(self) -> Mapping[str, Site]:
        return {f"sense.{i}": Site("hook_alpha", -1, i) for i in range(self.config.senses)}

    def decompose(self, x: Float[Tensor, "*index pair"]) -> Decomposition:
        """One part per sense: alpha_l h, through W_out_l."""
        _, cache = record(self, x, ["hook_alpha", "hook_post"])
        alpha, h = cache["hook_alpha"], cache["hook_post"]
        parts = [
            Component(f"sense.{i}", alpha[..., i : i + 1] * h, self.W_out[:, i])
            for i in range(self.config.senses)
        ]
        return Decomposition(tuple(parts), Exactness.given(*cache), "activation", cache)

    def residual_actions(self) -> list[Action]:
        return [Action("W_in", 0), Action("W_K", -1), Action("W_out", -1)]

    def symmetry(self) -> Symmetry:
        """Senses permute, hidden units permute, and the softmax ignores what all scores share."""
        c = self.config
        names = ("W_out", "W_K", "W_prior")
        senses = tuple(Action(n, 1) for n in names)
        hidden = (Action("W_in", 1), *(Action(n, 0) for n in names))
        calls = (Action("W_K", 2, copies_axis=0),)
        return Symmetry(
            (
                Factor("senses", Permutation(c.senses), senses, key=sense_rows),
                Factor("hidden", Permutation(c.width), hidden, key=unit_rows),
                Factor("calls", Translation(c.d_model), calls, c.width),
                Factor("prior", Translation(c.width), (Action("W_prior", 0),)),
            )
        )

    def interpretation(self) -> Interpretation:
        """Per sense, in order of size: what calls it and what it writes."""
        parameters = self.symmetry().canonical(weights(self))
        features = []
        for name, what in (("writes", "W_out"), ("called", "W_K"), ("prior", "W_prior")):
            sizes = parameters[what].movedim(1, 0).flatten(1).norm(dim=1)
            features += [
                ranked("sense", i, name, float(s), f"norm of its {what}")
                for i, s in enumerate(sizes)
            ]
        return Interpretation("", tuple(features))


def sense_rows(parameters: Parameters) -> Float[Tensor, "sense feature"]:
    """W_out_l^T W_out_l per sense, flat: the order of hidden units does not matter to it."""
    return torch.einsum("hld,hle->lde", parameters["W_out"], parameters["W_out"]).flatten(1)


def unit_rows(parameters: Parameters) -> Float[Tensor, "d_hidden feature"]:
    """What each hidden unit reads and writes, flat."""
    return torch.cat([parameters["W_in"].T, parameters["W_out"].flatten(1)], 1)
