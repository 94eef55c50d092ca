"""Mass that moves between the terms of a sum: constants, and functions that several terms can hold.

Parameters, stacked as rows over outputs, may move along every column of `gauge` without a change of
the function. Canonical is the pure form of Lengerich et al. 2020 (arXiv 1911.04974): see
`maths.additive.purification`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interpretable_arch.maths.additive.purification import Parts, gauge, purifying
from interpretable_arch.symmetries.groups import Translation
from interpretable_arch.symmetry import Action, Factor, Parameters


@dataclass(frozen=True, kw_only=True)
class MassTransfer(Factor):
    """Acts by translations [output, freedom] on tensors whose last axis is the output; flattened
    and stacked in the order of the actions they are the rows of `parts`."""

    parts: Parts

    def act(self, g: Tensor, parameters: Parameters) -> dict[str, Tensor]:
        out, rows = dict(parameters), self.stacked(parameters)
        moved = gauge(self.parts).to(rows) @ g.to(rows).T
        old = [parameters[a.parameter] for a in self.actions]
        sizes = [v.numel() // v.shape[-1] for v in old]
        for action, value, by in zip(self.actions, old, moved.split(sizes), strict=True):
            out[action.parameter] = value + by.reshape(value.shape)
        return out

    def fit(self, parameters: Parameters, reference: Parameters) -> Tensor:
        apart = self.stacked(reference).double() - self.stacked(parameters).double()
        columns = gauge(self.parts).double()
        return torch.linalg.lstsq(columns, apart, driver="gelsd").solution.T

    def canonical(self, parameters: Parameters) -> Tensor:
        return purifying(self.parts.double(), self.stacked(parameters).double()).T

    def stacked(self, parameters: Parameters) -> Float[Tensor, "parameter output"]:
        """The parameters as rows."""
        values = [parameters[a.parameter] for a in self.actions]
        return torch.cat([v.reshape(-1, v.shape[-1]) for v in values])


def mass_transfer(parts: Parts, outputs: int, names: tuple[str, ...]) -> MassTransfer:
    """For an intercept [output], functions of one feature [feature, knot, output] and pairs [pair,
    knot, knot, output], if any, of these names."""
    freedom = gauge(parts).shape[1]
    actions = tuple(Action(n, -1) for n in names)
    return MassTransfer("mass", Translation(freedom), actions, copies=outputs, parts=parts)
