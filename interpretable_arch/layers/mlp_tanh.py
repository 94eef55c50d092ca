"""The multilayer perceptron of GPT-2: GELU in its tanh form, as the weights were trained with it.

gelu(x) ~ x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) (Hendrycks and Gimpel 2016,
arXiv 1606.08415). It is up to 5e-4 away from the exact GELU of `layers.mlp`, which would move the
logits of stored weights.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from interpretable_arch.layers.perceptron import EXAMPLES, MLPConfig, Perceptron

__all__ = ["EXAMPLES", "MLPConfig", "MLPTanh"]


class MLPTanh(Perceptron):
    """GELU in its tanh form between W_in and W_out."""

    def activation(self, pre: Float[Tensor, "*index d_mlp"]) -> Float[Tensor, "*index d_mlp"]:
        return F.gelu(pre, approximate="tanh")
