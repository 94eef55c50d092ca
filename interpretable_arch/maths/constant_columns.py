"""Columns that never vary: max - min <= 1e3 eps max|x|.

The mean of equal numbers may differ from them by a bit, and a spread measured from it is not 0.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def constant(x: Float[Tensor, "row feature"]) -> Bool[Tensor, " feature"]:
    """Which features never vary, up to rounding."""
    reach = x.amax(0) - x.amin(0)
    return reach <= 1e3 * torch.finfo(x.dtype).eps * x.abs().amax(0)
