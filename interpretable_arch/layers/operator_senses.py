"""Operator senses: the token as a matrix that acts on the context state, y = s A(e).

    h = GELU(norm(e) W_in),   w_l = h W_read_l,   u_l = h W_write_l,   A(e) = sum_l w_l^T u_l

of rank `senses` (d_model at most). Words as linear maps: Baroni and Zamparelli 2010. The pairs
(w_l, u_l) keep a change of basis, so that no single pair is a meaning; the singular triplets of
A(e) are: a meaning reads the context along v_i, with gain sigma_i, and writes u_i. Each is a part,
exact given its amplitude sigma_i (s . v_i) and the hidden units of its token.
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
from interpretable_arch.layers.token_matrix import (
    MeaningTable,
    RankConfig,
    TokenMatrix,
    hidden_units,
)
from interpretable_arch.maths.density import shares
from interpretable_arch.symmetries.groups import GeneralLinear, Permutation
from interpretable_arch.symmetry import Action, Factor, Symmetry, weights


@dataclass(frozen=True)
class OperatorSensesConfig(RankConfig):
    """`senses` is the rank of a token's matrix."""


EXAMPLES = {
    "plain": OperatorSensesConfig(d_model=4, senses=2, d_hidden=5, std=0.6),
    "full": OperatorSensesConfig(d_model=3, senses=3, d_hidden=4, std=0.6),
}


@dataclass(frozen=True)
class Triplets:
    """The singular value decomposition of operators: A = sum_i reads_i^T sizes_i writes_i.

    Descending sizes; `reads` and `writes` have orthonormal rows. Signs: the largest entry of what
    is written is positive. Equal sizes leave their subspace free.
    """

    reads: Float[Tensor, "*index meaning d_model"]
    sizes: Float[Tensor, "*index meaning"]
    writes: Float[Tensor, "*index meaning d_model"]


class OperatorSenses(TokenMatrix):
    """W_read, W_write [d_hidden, sense, d_model].

    The forward pass uses the pairs; the meanings' amplitudes are worked out when they are recorded
    or edited, with the same output.
    """

    def __init__(self, config: OperatorSensesConfig) -> None:
        super().__init__(config)
        c = config
        shape = (c.width, c.senses, c.d_model)
        self.W_read = nn.Parameter(torch.empty(shape).normal_(std=c.std))
        self.W_write = nn.Parameter(torch.empty(shape).normal_(std=c.std_out or c.std))
        self.hook_amplitude = HookPoint()

    def forward(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index d_model"]:
        state, token = self.split(x)
        read, write = self._pairs(self.hidden(token))
        if self.hook_amplitude.active:
            found = triplets(read, write)
            return _sum(self.hook_amplitude(_amplitude(state, found)), found.writes)
        return _sum(torch.einsum("...d,...ld->...l", state, read), write)

    def _pairs(self, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.vectors(h, self.W_read), self.vectors(h, self.W_write)

    def operator(self, e: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d d_model"]:
        """A(e) in full: the row vector s goes to s A(e)."""
        return torch.einsum("...li,...lj->...ij", *self._pairs(self.hidden(e)))

    def triplets(self, e: Float[Tensor, "*index d_model"]) -> Triplets:
        """The singular triplets of A(e): what the token's meanings read and write."""
        return triplets(*self._pairs(self.hidden(e)))

    def meanings(self, e: Float[Tensor, "*index d_model"]) -> MeaningTable:
        """Unit vectors u_i; at rest, for a state of no direction, sigma_i^2 / sum sigma^2."""
        found = self.triplets(e)
        return MeaningTable(found.writes, shares(found.sizes.square()))

    def amplitude(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index meaning"]:
        """sigma_i (s . v_i)."""
        state, token = self.split(x)
        return _amplitude(state, self.triplets(token))

    def weigh(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index meaning"]:
        """Its share of |y|^2, as the written vectors are orthonormal."""
        return shares(self.amplitude(x).square())

    def sites(self) -> Mapping[str, Site]:
        return {f"meaning.{i}": Site("hook_amplitude", -1, i) for i in range(self.config.senses)}

    def decompose(self, x: Float[Tensor, "*index pair"]) -> Decomposition:
        """One part per singular triplet of the token's operator, in descending order of size."""
        _, cache = record(self, x, ["hook_amplitude", "hook_post"])
        written = triplets(*self._pairs(cache["hook_post"])).writes
        values = cache["hook_amplitude"][..., None] * written
        direction = torch.eye(self.config.d_model, dtype=x.dtype, device=x.device)
        parts = [
            Component(f"meaning.{i}", values[..., i, :], direction)
            for i in range(self.config.senses)
        ]
        return Decomposition(tuple(parts), Exactness.given(*cache), "activation", cache)

    def residual_actions(self) -> list[Action]:
        return [Action("W_in", 0), Action("W_read", -1), Action("W_write", -1)]

    def symmetry(self) -> Symmetry:
        """Hidden units permute; the pairs keep one change of basis, common to all tokens."""
        c = self.config
        hidden = (Action("W_in", 1), Action("W_read", 0), Action("W_write", 0))
        pairs = (Action("W_read", 1, "direct"), Action("W_write", 1, "dual"))
        return Symmetry(
            (
                Factor("hidden", Permutation(c.width), hidden, key=hidden_units),
                Factor("pairs", GeneralLinear(c.senses), pairs),
            )
        )

    def interpretation(self) -> Interpretation:
        """Sizes of the canonical pairs over all hidden units, in descending order."""
        parameters = self.symmetry().canonical(weights(self))
        sizes = parameters["W_read"].movedim(1, 0).flatten(1).norm(dim=1).square()
        return Interpretation(
            "",
            tuple(
                ranked("pair", i, "size", float(s), "singular value of W_read^T W_write")
                for i, s in enumerate(sizes)
            ),
        )


def triplets(
    read: Float[Tensor, "*index sense d_model"], write: Float[Tensor, "*index sense d_model"]
) -> Triplets:
    """The singular triplets of read^T write: two thin QRs, then one SVD of [sense, sense]."""
    q_read, r_read = torch.linalg.qr(read.mT)
    q_write, r_write = torch.linalg.qr(write.mT)
    left, sizes, right = torch.linalg.svd(r_read @ r_write.mT)
    reads, writes = (q_read @ left).mT, right @ q_write.mT
    sign = writes.gather(-1, writes.abs().argmax(-1, keepdim=True)).sign()
    return Triplets(reads * sign, sizes, writes * sign)


def _amplitude(state: Tensor, found: Triplets) -> Float[Tensor, "*index meaning"]:
    return found.sizes * torch.einsum("...d,...id->...i", state, found.reads)


def _sum(amplitude: Tensor, written: Tensor) -> Float[Tensor, "*index d_model"]:
    return torch.einsum("...i,...id->...d", amplitude, written)
