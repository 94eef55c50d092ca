"""Monet, horizontal (Park et al. 2024, arXiv 2412.04139): one key reads, the other writes.

    E_ij(x) = GELU(x U_i + b_1i) V_j + b_2j

M matrices that read and M that write make M^2 experts; see `monet` for how they are called and
summed. The authors' activation is ReLU squared; GELU here, as in the dense mlp.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.layers.monet import Monet, MonetConfig
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters

__all__ = ["EXAMPLES", "MonetConfig", "MonetHorizontal"]

EXAMPLES = {"plain": MonetConfig(d_model=3, keys=3, heads=2, k=2, d_expert=2, std=0.7)}


class MonetHorizontal(Monet):
    """U [first, d_model, d_expert], b_1 [first, d_expert], V [second, d_expert, d_model], b_2."""

    def __init__(self, config: MonetConfig) -> None:
        super().__init__(config)
        c, m = config, config.keys
        self.U = nn.Parameter(torch.empty(m, c.d_model, c.width).normal_(std=c.std))
        self.b_1 = nn.Parameter(torch.zeros(m, c.width))
        self.V = nn.Parameter(torch.empty(m, c.width, c.d_model).normal_(std=c.std_out or c.std))
        self.b_2 = nn.Parameter(torch.zeros(m, c.d_model))

    def read(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index first d_expert"]:
        return F.gelu(torch.einsum("...d,idm->...im", x, self.U) + self.b_1)

    def write(
        self,
        post: Float[Tensor, "*index first d_expert"],
        first: Float[Tensor, "*index head first"],
        second: Float[Tensor, "*index head second"],
    ) -> Float[Tensor, "*index d_model"]:
        by_second = second.mT @ (first @ post)
        called = second.mT @ first.sum(-1, keepdim=True)
        return by_second.flatten(-2) @ self.V.flatten(0, 1) + called.squeeze(-1) @ self.b_2

    def expert(self, i: int, j: int, post: Tensor) -> tuple[Tensor, Tensor]:
        read = post[..., i, :]
        coefficient = torch.cat([read, torch.ones_like(read[..., :1])], -1)
        return coefficient, torch.cat([self.V[j], self.b_2[j][None]])

    def residual_actions(self) -> list[Action]:
        """Where the residual stream enters and leaves."""
        read = [Action("W_1", 0), Action("W_2", 0), Action("U", 1)]
        return [*read, Action("V", -1), Action("b_2", -1)]

    def key_actions(self) -> tuple[list[Action], list[Action]]:
        return [Action("U", 0), Action("b_1", 0)], [Action("V", 0), Action("b_2", 0)]

    def neuron_factors(self) -> list[Factor]:
        """Neurons permute, all experts alike: each V_j reads what every U_i wrote."""
        actions = (Action("U", 2), Action("b_1", 1), Action("V", 1))
        return [Factor("neurons", Permutation(self.config.width), actions, key=neurons)]


def neurons(parameters: Parameters) -> Float[Tensor, "d_expert feature"]:
    """What each neuron reads and writes in all experts, flat."""
    U, V = parameters["U"].movedim(2, 0), parameters["V"].movedim(1, 0)
    return torch.cat([U.flatten(1), parameters["b_1"].T, V.flatten(1)], 1)
