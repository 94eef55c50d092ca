"""The same sums of poles by gradient descent from a random start: what AAK's closed form replaces.

The mean squared modulus of the difference from the samples is minimised, which is not convex in the
poles. After each step a pole beyond `limit` is brought back to it, since the powers of one outside
the circle grow without bound.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from interpretable_arch.models.pole_sum import PoleSum, PoleSumConfig
from interpretable_arch.symmetry import Parameters


@dataclass(frozen=True)
class RationalSignalDescentConfig(PoleSumConfig):
    """`limit` is the radius that no pole may leave."""

    limit: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.radius <= self.limit < 1:
            raise ValueError(f"limit: wanted from {self.radius} up and below 1, got {self.limit}")


EXAMPLES = {"plain": RationalSignalDescentConfig(samples=12, poles=3)}


class RationalSignalDescent(PoleSum):
    """Sample numbers [.., 1] to the signal there [.., 2]."""

    def __init__(self, config: RationalSignalDescentConfig) -> None:
        super().__init__(config)
        self.limit = config.limit

    def constrain(self, parameters: Parameters) -> dict[str, Tensor]:
        """Poles back inside the limit (any leading axes)."""
        poles = parameters["poles"]
        radius = torch.linalg.vector_norm(poles, dim=-1, keepdim=True)
        inside = poles * (self.limit / radius.clamp_min(self.limit))
        return {**parameters, "poles": inside}
