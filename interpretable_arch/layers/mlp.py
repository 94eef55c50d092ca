"""The transformer's multilayer perceptron: GELU in its exact form (Hendrycks and Gimpel 2016)."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from interpretable_arch.layers.perceptron import EXAMPLES, MLPConfig, Perceptron

__all__ = ["EXAMPLES", "MLP", "MLPConfig"]


class MLP(Perceptron):
    """GELU(x W_in + b_in) W_out + b_out."""

    def activation(self, pre: Float[Tensor, "*index d_mlp"]) -> Float[Tensor, "*index d_mlp"]:
        return F.gelu(pre)
