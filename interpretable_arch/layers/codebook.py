"""Codebook: the layer answers with a few of a fixed set of vectors (Tamkin et al. 2023,
arXiv 2310.17230).

    S = the k codes c of largest cosine(norm(x), c),   y = mean over S of c

The mean, as in the paper's text: k identical codes would answer that code. A norm changes no
order of cosines, so none is computed. Backward is straight through: x gets the gradient of y as
if the layer were the identity, the chosen codes get theirs. Each code is a part, exact given
which were chosen. How long a code has been idle is counted, and some inputs of the latest step are
kept, for `training.switches.codebook_reseeding`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, Exactness
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Interpretation, ranked
from interpretable_arch.layers.routing import Routing, scores
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry, weights


@dataclass(frozen=True)
class CodebookConfig:
    """`k` of `codes` answer each input; `spares` inputs of a step are kept for reseeding."""

    d_model: int
    codes: int = 512
    k: int = 8
    spares: int = 16
    std: float = 0.02

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.codes:
            raise ValueError(f"k: wanted 1 to codes = {self.codes}, got {self.k}")
        at_least_one(spares=self.spares)


EXAMPLES = {"plain": CodebookConfig(d_model=4, codes=5, k=2, spares=3, std=0.7)}


class Codebook(nn.Module):
    """C [code, d_model]; `idle` [code], steps since each was chosen; `spares` [spare, d_model]."""

    def __init__(self, config: CodebookConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.C = nn.Parameter(torch.empty(c.codes, c.d_model).normal_(std=c.std))
        self.idle: Tensor
        self.spares: Tensor
        self.register_buffer("idle", torch.zeros(c.codes))
        self.register_buffer("spares", torch.zeros(c.spares, c.d_model))
        self.counted: dict[str, Tensor] = {}
        self.hook_codes = HookPoint()

    @property
    def experts(self) -> int:
        return self.config.codes

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
        routing = self.route(x)
        self.counted = {}
        if x.numel():
            self.counted = {"usage": routing.load(), "spares": self._spread(x.detach())}
        answer = self.hook_codes(routing.dense()) @ self.C
        return answer + (x - x.detach())

    def route(self, x: Float[Tensor, "*index d_model"]) -> Routing:
        """The k codes of largest cosine, each weighing 1/k; compared in float32 or better."""
        cosines = scores(x, F.normalize(self.C, dim=-1).T).detach()
        chosen = cosines.topk(self.config.k, -1).indices
        shares = torch.full_like(x[..., :1], 1 / self.config.k).expand(chosen.shape)
        return Routing(chosen, shares, self.config.codes)

    def _spread(self, x: Tensor) -> Tensor:
        """`spares` of the inputs, evenly spread; the same again where there are fewer."""
        rows = x.reshape(-1, x.shape[-1])
        at = torch.arange(self.config.spares, device=x.device) * len(rows) // self.config.spares
        return rows[at]

    def statistics(self) -> dict[str, Tensor]:
        """The share of choices that fell on each code, and inputs; handed over once."""
        counted, self.counted = self.counted, {}
        return counted

    def settle(self, buffers: Parameters, statistics: Parameters) -> dict[str, Tensor]:
        """`idle` grows for codes that no input of the step chose (any leading axes).

        A step without inputs tells nothing.
        """
        if "usage" not in statistics:
            return {}
        idle = (buffers["idle"] + 1) * (statistics["usage"] == 0)
        spares = statistics["spares"].reshape(buffers["spares"].shape)
        return {"idle": idle.to(buffers["idle"].dtype), "spares": spares.to(idle.dtype)}

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.d_model, generator=generator)

    def sites(self) -> Mapping[str, Site]:
        return {f"code.{c}": Site("hook_codes", -1, c) for c in range(self.config.codes)}

    def decompose(self, x: Float[Tensor, "*index d_model"]) -> Decomposition:
        """One part per code: 1/k where it was chosen, times the code."""
        _, cache = record(self, x, ["hook_codes"])
        shares = cache["hook_codes"]
        parts = [
            Component(f"code.{c}", shares[..., c : c + 1], self.C[c : c + 1])
            for c in range(self.config.codes)
        ]
        return Decomposition(tuple(parts), Exactness.given(*cache), "activation", cache)

    def residual_actions(self) -> list[Action]:
        return [Action("C", -1), Action("spares", -1)]

    def symmetry(self) -> Symmetry:
        """Codes permute; their lengths show in the answer, so nothing else is free."""
        actions = (Action("C", 0), Action("idle", 0))
        key = code_rows
        return Symmetry((Factor("codes", Permutation(self.config.codes), actions, key=key),))

    def interpretation(self) -> Interpretation:
        """Per code, in order of size: its length, and the largest cosine with another code."""
        codes = self.symmetry().canonical(weights(self))["C"]
        directions = F.normalize(codes, dim=-1)
        nearest = (directions @ directions.T).fill_diagonal_(-1).max(-1).values
        features = []
        for c, length in enumerate(codes.norm(dim=-1)):
            features.append(ranked("code", c, "writes", float(length), "norm of the code"))
            what = "largest cosine with another code"
            features.append(ranked("code", c, "nearest", float(nearest[c]), what))
        return Interpretation("", tuple(features))


def code_rows(parameters: Parameters) -> Float[Tensor, "code d_model"]:
    return parameters["C"]


def reseeded(
    codes: Float[Tensor, "*seed code d_model"],
    idle: Float[Tensor, "*seed code"],
    spares: Float[Tensor, "*seed spare d_model"],
    patience: int,
) -> tuple[Float[Tensor, "*seed code d_model"], Bool[Tensor, "*seed code"]]:
    """The codes after reseeding, and which of them are new: those idle for `patience` steps.

    A new code points where a spare input does, at the mean length of the living codes. The first
    dead code takes the first spare, and so on; those beyond the number of spares wait.
    """
    dead = idle >= patience
    place = dead.cumsum(-1) - 1
    new = dead & (place < spares.shape[-2])
    alive = (~dead).to(codes.dtype)
    length = (codes.norm(dim=-1) * alive).sum(-1) / alive.sum(-1).clamp_min(1)
    index = place.clamp(0, spares.shape[-2] - 1)[..., None].expand_as(codes)
    seeds = F.normalize(spares, dim=-1).gather(-2, index) * length[..., None, None]
    return torch.where(new[..., None], seeds, codes), new
