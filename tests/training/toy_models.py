"""Tiny models that meet every corner of seed training; imported by name from the tests."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Pairs(nn.Module):
    """A pair of residues to logits: tied embeddings, a constant, a saved buffer, dropout."""

    def __init__(self, order: int, outputs: int, width: int = 6, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed = nn.Embedding(order, width)
        self.mix = nn.Linear(width, width)
        self.unembed = nn.Linear(width, outputs, bias=False)
        self.unembed.weight = self.embed.weight
        self.dropout = dropout
        self.register_buffer("bias", torch.randn(outputs))
        self.register_buffer("sign", torch.tensor([1.0, -1.0]), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = (self.embed(inputs) * self.sign[:, None]).sum(-2)
        hidden = functional.dropout(self.mix(hidden).tanh(), self.dropout, self.training)
        return self.unembed(hidden) + self.bias


class OwnLoss(Pairs):
    """Defines a loss of its own, and keeps the embedding's rows at length one."""

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(self(inputs), targets, label_smoothing=0.1)

    def constrain(self, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
        embed = parameters["embed.weight"]
        return {**parameters, "embed.weight": embed / embed.norm(dim=-1, keepdim=True)}


class Orthogonal(nn.Module):
    """Its retraction is a singular value decomposition, which refuses what is not finite."""

    def __init__(self, order: int, outputs: int, width: int = 4) -> None:
        super().__init__()
        self.embed = nn.Embedding(order, width)
        self.mix = nn.Parameter(torch.randn(width, width))
        self.unembed = nn.Linear(width, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.unembed(self.embed(inputs).sum(-2) @ self.mix)

    def constrain(self, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
        left, _, right = torch.linalg.svd(parameters["mix"])
        return {**parameters, "mix": left @ right}


class SomeDiverge(Pairs):
    """A model whose loss overflows for about half of the initialisations."""

    def __init__(self, order: int, outputs: int) -> None:
        super().__init__(order, outputs)
        self.fuse = nn.Parameter(torch.randint(2, ()).float() * 1e30)

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        return (
            functional.cross_entropy(self(inputs), targets) + self.fuse**2 * self.mix.bias[0] ** 2
        )
