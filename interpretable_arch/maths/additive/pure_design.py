"""An additive model in coordinates that are pure by construction, with its penalty.

The penalty of a function v of one feature on its k knots, u in [0, 1] the knots' number,

    smooth (k - 1)^3 |second differences of v|^2 + ridge |v|^2 / k

is close to smooth |v''|^2 + ridge |v|^2 as integrals over u, and so nearly free of k (the
difference penalty of Eilers and Marx 1996, on quantiles); that of a pair is the same along both
axes. Only pure functions are penalised, so that the penalty, like the loss, depends on the function
and not on the form it is written in.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.additive.convex_fit import Kind, Problem
from interpretable_arch.maths.additive.hats import hats
from interpretable_arch.maths.additive.purification import Parts, pure_basis

INTERCEPT = 1e-4  # a class that no row has would else have no finite logit


@dataclass(frozen=True, eq=False)
class PureDesign:
    """Columns for training rows: 1, then the pure coordinates of every part."""

    parts: Parts
    bases: list[Float[Tensor, "_ _"]]
    design: Float[Tensor, "row coordinate"]

    def expanded(
        self, theta: Float[Tensor, "coordinate output"]
    ) -> Float[Tensor, "parameter output"]:
        """The parameters, pure, of some coordinates."""
        blocks = theta[1:].split([b.shape[1] for b in self.bases])
        values = [b @ t for b, t in zip(self.bases, blocks, strict=True)]
        return torch.cat([theta[:1], *values])

    def coordinates(
        self, values: Float[Tensor, "parameter output"]
    ) -> Float[Tensor, "coordinate output"]:
        """The inverse of `expanded`, of parameters in their pure form."""
        blocks = values[1:].split([b.shape[0] for b in self.bases])
        return torch.cat([values[:1], *(b.T @ v for b, v in zip(self.bases, blocks, strict=True))])

    def problem(
        self, wanted: Float[Tensor, "row output"], kind: Kind, smooth: float, ridge: float
    ) -> Problem:
        """What is to be minimised; `ridge` > 0 makes it strictly convex."""
        return Problem(self.design, wanted, self.penalty(smooth, ridge, kind), kind)

    def penalty(
        self, smooth: float, ridge: float, kind: Kind
    ) -> Float[Tensor, "coordinate coordinate"]:
        d, k = self.parts.knots.shape
        one = self.design.new_full((1, 1), INTERCEPT if kind == "classes" else 0.0)
        raw = [line_penalty(k, smooth, ridge)] * d
        raw += [cell_penalty(self.parts.coarse, smooth, ridge)] * len(self.parts.pairs)
        blocks = [b.T @ s.to(b) @ b for b, s in zip(self.bases, raw, strict=True)]
        return torch.block_diag(one, *blocks)


def pure_design(parts: Parts, x: Float[Tensor, "row feature"]) -> PureDesign:
    """The coordinates of all parts at these rows."""
    bases = pure_basis(parts)
    d = len(parts.knots)
    found = hats(x, parts.knots)
    columns = [x.new_ones(len(x), 1)]
    columns += [found[:, i] @ b for i, b in enumerate(bases[:d])]
    coarse = hats(x, parts.knots[:, :: parts.step])
    for (i, j), b in zip(parts.pairs.tolist(), bases[d:], strict=True):
        columns.append((coarse[:, i, :, None] * coarse[:, j, None]).flatten(1) @ b)
    return PureDesign(parts, bases, torch.cat(columns, 1))


def line_penalty(k: int, smooth: float, ridge: float) -> Float[Tensor, "knot knot"]:
    """The matrix of smooth |v''|^2 + ridge |v|^2 on k knots."""
    return smooth * (k - 1) ** 3 * _bent(k) + ridge / k * torch.eye(k, dtype=torch.float64)


def cell_penalty(q: int, smooth: float, ridge: float) -> Float[Tensor, "cell cell"]:
    """The same along both axes of a pair's q x q knots."""
    even = torch.eye(q, dtype=torch.float64) / q
    bent = (q - 1) ** 3 * _bent(q)
    along = torch.kron(bent, even) + torch.kron(even, bent)
    return smooth * along + ridge * torch.kron(even, even)


def _bent(k: int) -> Float[Tensor, "knot knot"]:
    """|second differences|^2 as a matrix."""
    second = torch.eye(k, dtype=torch.float64).diff(2, dim=0)
    return second.T @ second
