"""What is matched: features as unit vectors, one row each, and which of them are dead.

A row of a dictionary is brought to length 1, so that inner products are cosines. An activation is a
row over inputs, centred and brought to length 1, so that inner products are correlations. A row of
zeros, or an activation that is the same at every input, has no direction: it is dead, is counted,
and takes no part in any matching.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

ROUNDING = 8  # units in the last place, within which an activation is constant


@dataclass(frozen=True, eq=False)
class Directions:
    """Unit rows of the live features, whose numbers in the whole are `live`, of `width` in all."""

    rows: Float[Tensor, "live d"]
    live: Int[Tensor, "live"]
    width: int

    @property
    def dead(self) -> int:
        """How many features have no direction."""
        return self.width - len(self.live)


def of_dictionary(dictionary: Float[Tensor, "feature d"]) -> Directions:
    """The rows at length 1, in the precision given (float32 at least).

    Raises ValueError on values that are not finite, naming how many, and on no rows.
    """
    rows = _checked("dictionary", "feature x d", dictionary)
    return _directions(rows, rows.abs().amax(1) > 0)


def of_activations(activations: Float[Tensor, "input feature"]) -> Directions:
    """The columns, centred over inputs and at length 1: inner products are correlations.

    Raises ValueError on values that are not finite, naming the first input, on no features and on
    fewer than two inputs.
    """
    rows = _checked("activations", "input x feature", activations).T
    if rows.shape[1] < 2:
        raise ValueError(f"activations: wanted at least 2 inputs, got {rows.shape[1]}")
    return _directions(rows - rows.mean(1, keepdim=True), varying(activations))


def varying(activations: Float[Tensor, "input feature"]) -> Bool[Tensor, "feature"]:
    """Which activations are not the same for every input, to rounding in float32 or finer."""
    x = activations.to(torch.promote_types(activations.dtype, torch.float32))
    spread = x.amax(0) - x.amin(0)
    return spread > ROUNDING * torch.finfo(x.dtype).eps * x.abs().amax(0)


def _directions(rows: Float[Tensor, "feature d"], live: Bool[Tensor, "feature"]) -> Directions:
    kept = torch.nonzero(live).flatten()
    rows = rows[kept]
    # In units of the largest entry first: squares of tiny or huge entries leave float32.
    rows = rows / rows.abs().amax(1, keepdim=True)
    return Directions(rows / rows.norm(dim=1, keepdim=True), kept, len(live))


def _checked(name: str, wanted: str, values: Tensor) -> Tensor:
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{name}: wanted {wanted}, got shape {tuple(values.shape)}")
    if not values.is_floating_point():
        raise ValueError(f"{name}: wanted real floats, got {values.dtype}")
    bad = ~values.isfinite()
    if bool(bad.any()):
        first = int(bad.any(1).nonzero()[0])
        got = f"{int(bad.sum())} that are not, first in row {first}"
        raise ValueError(f"{name}: wanted finite numbers, got {got}")
    return values.detach().cpu().to(torch.promote_types(values.dtype, torch.float32))
