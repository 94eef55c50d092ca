"""Root-mean-square norm, x / sqrt(mean x^2 + eps) (Zhang and Sennrich 2019, arXiv 1910.07467).

It has no gain: a gain folds exactly into the matrices that read it, and without one the residual
stream may be rotated freely, which is the symmetry that readings must respect. LayerNorm folds
into this form too, once every matrix that writes to the stream is centred.
"""

from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.hooks import HookPoint


class RMSNorm(nn.Module):
    """Divides by a recorded scale: given `hook_scale`, the map is linear."""

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.hook_scale = HookPoint()

    def forward(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_model"]:
        return x / self.hook_scale((x.square().mean(-1, keepdim=True) + self.eps).sqrt())
