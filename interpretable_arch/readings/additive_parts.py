"""What the readings of an additive model look at, so that they need not know the model."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from interpretable_arch.maths.additive.purification import Parts


@runtime_checkable
class AdditiveParts(Protocol):
    """Functions on knots, as they are and as they were fitted."""

    config: Any
    b: Any
    knots: Tensor
    chosen: Tensor
    mass: Tensor
    marginals: Tensor
    fitted: Tensor
    fitted_knots: Tensor
    fitted_chosen: Tensor
    optimum: Tensor
    counts: Tensor
    still: Tensor

    @property
    def parts(self) -> Parts: ...

    def pure(self) -> Tensor: ...

    def __call__(self, x: Tensor) -> Tensor: ...
