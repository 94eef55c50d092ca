"""The softmax linear unit: a hidden layer whose neurons compete, so that few of them answer
(Elhage et al. 2022, "Softmax Linear Units", transformer-circuits.pub/2022/solu).

    h = x W_in + b_in,   a = h softmax(h),   y = LN(a) W_out + b_out,   LN(a) = (a - mean a) / scale

The norm has no gain and no bias of its own: they fold exactly into W_out and b_out. Its scale is
recorded. Each neuron is a part, exact given its normed activation.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from interpretable_arch.layers.norms import RMSNorm
from interpretable_arch.layers.perceptron import MLPConfig, Perceptron, neurons
from interpretable_arch.symmetries.groups import Translation
from interpretable_arch.symmetry import Action, Factor, Parameters, Symmetry

# At the start h is small and each a about h / d_mlp: the usual 1e-5 would outweigh its variance.
EPS = 1e-8


@dataclass(frozen=True)
class SoLUConfig(MLPConfig):
    """As an MLP's; `d_mlp` at least 3, as a norm over two neurons leaves only their order."""

    def __post_init__(self) -> None:
        if self.width < 3:
            raise ValueError(f"d_mlp: wanted at least 3, got {self.d_mlp}")


EXAMPLES = {
    "plain": SoLUConfig(d_model=4, d_mlp=6, std=0.5),
    "bias": SoLUConfig(d_model=4, d_mlp=6, bias=True, std=0.5),
}


class SoLU(Perceptron):
    """LN(h softmax(h)) between W_in and W_out; `norm.hook_scale` is the norm's scale."""

    def __init__(self, config: SoLUConfig) -> None:
        super().__init__(config)
        self.norm = RMSNorm(EPS)

    def activation(self, pre: Float[Tensor, "*index d_mlp"]) -> Float[Tensor, "*index d_mlp"]:
        a = pre * pre.softmax(-1)
        return self.norm(a - a.mean(-1, keepdim=True))

    def symmetry(self) -> Symmetry:
        """Neurons permute; the normed activations sum to zero, so that every row of W_out may
        move by one and the same vector."""
        (permutation,) = super().symmetry().factors
        move = Factor("offset", Translation(self.config.d_model), (Action("W_out", -1),))
        inner = Factor(
            permutation.name, permutation.group, permutation.actions, key=centred_neurons
        )
        return Symmetry((inner, move))


def centred_neurons(parameters: Parameters) -> Float[Tensor, "d_mlp feature"]:
    """What each neuron reads and writes, the latter less what all of them write in common."""
    W_out = parameters["W_out"]
    return neurons({**parameters, "W_out": W_out - W_out.mean(0, keepdim=True)})
