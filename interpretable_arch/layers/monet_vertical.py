"""Monet, vertical (Park et al. 2024, arXiv 2412.04139): either key owns half of each expert.

    h_1i = GELU(x U_1i + a_1i),   h_2j = GELU(x U_2j + a_2j)
    E_ij(x) = [h_1i V_11i + h_2j V_12i + b_1i,  h_1i V_21j + h_2j V_22j + b_2j]

The first key gives the first half of the hidden neurons and of the output, the second key the
rest: it owns what reads the former and what writes the latter. Which coordinates are the first
half matters: the residual stream may rotate inside either half and no further (`fixes_basis`). See
`monet` for how experts are called and summed. The authors' activation is ReLU squared; GELU here,
as in the dense mlp.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.layers.monet import Monet, MonetConfig
from interpretable_arch.symmetries.groups import Permutation
from interpretable_arch.symmetry import Action, Factor, Parameters

__all__ = ["EXAMPLES", "MonetConfig", "MonetVertical"]

EXAMPLES = {"plain": MonetConfig(d_model=4, keys=3, heads=2, k=2, d_expert=4, std=0.7)}


class MonetVertical(Monet):
    """U_1, U_2 [key, d_model, half d_expert], a_1, a_2; V_11, V_12 [first, half d_expert, half
    d_model], b_1; V_21, V_22 [second, ..], b_2."""

    fixes_basis = True

    def __init__(self, config: MonetConfig) -> None:
        for name in ("d_model", "width"):
            if getattr(config, name) % 2:
                argument = "d_expert" if name == "width" else name
                raise ValueError(f"{argument}: wanted an even number, got {getattr(config, name)}")
        super().__init__(config)
        c, m, hidden, out = config, config.keys, config.width // 2, config.d_model // 2

        def normal(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape).normal_(std=std))

        self.U_1, self.U_2 = (normal(m, c.d_model, hidden, std=c.std) for _ in range(2))
        self.a_1, self.a_2 = (nn.Parameter(torch.zeros(m, hidden)) for _ in range(2))
        std_out = c.std_out or c.std
        self.V_11, self.V_12 = (normal(m, hidden, out, std=std_out) for _ in range(2))
        self.V_21, self.V_22 = (normal(m, hidden, out, std=std_out) for _ in range(2))
        self.b_1, self.b_2 = (nn.Parameter(torch.zeros(m, out)) for _ in range(2))

    def read(self, x: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index 2 key half"]:
        pre = [
            torch.einsum("...d,idm->...im", x, U) + a
            for U, a in ((self.U_1, self.a_1), (self.U_2, self.a_2))
        ]
        return F.gelu(torch.stack(pre, -3))

    def write(
        self,
        post: Float[Tensor, "*index 2 key half"],
        first: Float[Tensor, "*index head first"],
        second: Float[Tensor, "*index head second"],
    ) -> Float[Tensor, "*index d_model"]:
        h_1, h_2 = post.unbind(-3)
        one, two = first.sum(-1, keepdim=True), second.sum(-1, keepdim=True)
        called_1, called_2 = first.mT @ two, second.mT @ one
        from_1, from_2 = second.mT @ (first @ h_1), first.mT @ (second @ h_2)
        upper = _through(called_1 * h_1, self.V_11) + _through(from_2, self.V_12)
        lower = _through(from_1, self.V_21) + _through(called_2 * h_2, self.V_22)
        upper = upper + called_1.squeeze(-1) @ self.b_1
        return torch.cat([upper, lower + called_2.squeeze(-1) @ self.b_2], -1)

    def expert(self, i: int, j: int, post: Tensor) -> tuple[Tensor, Tensor]:
        h_1, h_2 = post[..., 0, i, :], post[..., 1, j, :]
        coefficient = torch.cat([h_1, h_2, torch.ones_like(h_1[..., :1])], -1)
        upper = torch.cat([self.V_11[i], self.V_12[i], self.b_1[i][None]])
        lower = torch.cat([self.V_21[j], self.V_22[j], self.b_2[j][None]])
        return coefficient, torch.cat([upper, lower], 1)

    def key_actions(self) -> tuple[list[Action], list[Action]]:
        first = ("U_1", "a_1", "V_11", "V_12", "b_1")
        second = ("U_2", "a_2", "V_21", "V_22", "b_2")
        return [Action(n, 0) for n in first], [Action(n, 0) for n in second]

    def neuron_factors(self) -> list[Factor]:
        """Either half of the neurons permutes, all experts alike."""
        upper = tuple(Action(n, a) for n, a in (("U_1", 2), ("a_1", 1), ("V_11", 1), ("V_21", 1)))
        lower = tuple(Action(n, a) for n, a in (("U_2", 2), ("a_2", 1), ("V_12", 1), ("V_22", 1)))
        half = Permutation(self.config.width // 2)
        return [
            Factor("neurons_1", half, upper, key=neurons_1),
            Factor("neurons_2", half, lower, key=neurons_2),
        ]


def _through(hidden: Tensor, V: Tensor) -> Tensor:
    """sum_i hidden_i V_i from [*index, key, half] and [key, half, out]."""
    return hidden.flatten(-2) @ V.flatten(0, 1)


def neurons_1(parameters: Parameters) -> Float[Tensor, "half feature"]:
    """What each neuron of the first key reads and writes, flat."""
    return _neurons(parameters, "U_1", "a_1", "V_11", "V_21")


def neurons_2(parameters: Parameters) -> Float[Tensor, "half feature"]:
    """What each neuron of the second key reads and writes, flat."""
    return _neurons(parameters, "U_2", "a_2", "V_12", "V_22")


def _neurons(parameters: Parameters, U: str, a: str, *Vs: str) -> Tensor:
    written = [parameters[V].movedim(1, 0).flatten(1) for V in Vs]
    return torch.cat([parameters[U].movedim(2, 0).flatten(1), parameters[a].T, *written], 1)
