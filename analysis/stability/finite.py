"""Numbers that are not finite: said with the place and the input where they come first."""

from jaxtyping import Bool, Shaped
from torch import Tensor


class NotFinite(ValueError):
    """What a model gave holds NaN or infinity; says where, and at which input first."""


def check_finite(what: str, values: Shaped[Tensor, "row *axis"]) -> None:
    """Raises NotFinite "WHAT is not finite at input N", N the first such row."""
    bad = not_finite(values).nonzero()
    if len(bad):
        raise NotFinite(f"{what} is not finite at input {int(bad[0])}")


def not_finite(values: Shaped[Tensor, "row *axis"]) -> Bool[Tensor, " row"]:
    """Which rows hold NaN or infinity."""
    return (~values.isfinite()).reshape(len(values), -1).any(1)
