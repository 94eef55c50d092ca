"""Points in spaces of constant curvature found by descent alone, from a random start.

The model of `curved_embedding` without its closed form: what it finds differs from start to start,
and over many starts says how rough the landscape is that the closed form steps over. It claims no
uniqueness.
"""

from dataclasses import dataclass

from interpretable_arch.models.curved_space import CurvedSpace, CurvedSpaceConfig


@dataclass(frozen=True)
class CurvedDescentConfig(CurvedSpaceConfig):
    """The same sizes; nothing of its own."""


EXAMPLES = {
    "disc": CurvedDescentConfig(points=7, signature="H2"),
    "product": CurvedDescentConfig(points=12, signature="S2 x E1"),
}


class CurvedDescent(CurvedSpace):
    """Pairs of points [*batch, 2] to their distance [*batch, 1]; starts are normal draws."""

    def __init__(self, config: CurvedDescentConfig) -> None:
        super().__init__(config)
