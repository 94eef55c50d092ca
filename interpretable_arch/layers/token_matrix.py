"""What the layers share whose token is a matrix of meanings, in the mlp's place.

The layer reads cat(s, e): the context state s and the token's own embedding e. The matrix is made
from e alone, h = GELU(norm(e) W_in) and then a product with h, so that a table of meanings for the
whole vocabulary is one call (Backpack's sense network, Hewitt et al. 2023, arXiv 2305.16765).
However a variant uses its matrix, with M_i(e) what meaning i writes,

    y(s, e) = sum over i of amplitude_i(s, e) M_i(e).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.hooks import HookPoint
from interpretable_arch.layers.norms import RMSNorm
from interpretable_arch.symmetry import Parameters


@dataclass(frozen=True)
class TokenMatrixConfig:
    """`senses` meanings a token; `d_hidden` (of the network that makes them) defaults to d_model.

    `std_out` is the standard deviation, at the start, of what writes to the stream.
    """

    d_model: int
    senses: int = 4
    d_hidden: int | None = None
    std: float = 0.02
    std_out: float | None = None

    def __post_init__(self) -> None:
        at_least_one(d_model=self.d_model, senses=self.senses)
        at_least_one(d_hidden=self.width)

    @property
    def width(self) -> int:
        return self.d_model if self.d_hidden is None else self.d_hidden


@dataclass(frozen=True)
class RankConfig(TokenMatrixConfig):
    """As a rank, `senses` is at most `d_model`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.senses > self.d_model:
            wanted, got = self.d_model, self.senses
            raise ValueError(f"senses: wanted at most d_model = {wanted} (a rank), got {got}")


@dataclass(frozen=True)
class MeaningTable:
    """What each meaning of some tokens writes, and its weight without any context.

    The weights at `rest` are in [0, 1] and sum to 1 over the meanings of a token.
    """

    written: Float[Tensor, "*index meaning d_model"]
    rest: Float[Tensor, "*index meaning"]


class TokenMatrix(nn.Module, ABC):
    """Input [.., 2 d_model] = cat(context state, token vector); output [.., d_model].

    W_in [d_model, d_hidden] reads the token vector.
    """

    reads_token = True

    def __init__(self, config: TokenMatrixConfig) -> None:
        super().__init__()
        self.config = config
        self.norm = RMSNorm()
        shape = (config.d_model, config.width)
        self.W_in = nn.Parameter(torch.empty(shape).normal_(std=config.std))
        self.hook_input, self.hook_post = HookPoint(), HookPoint()

    @abstractmethod
    def meanings(self, e: Float[Tensor, "*index d_model"]) -> MeaningTable:
        """The meanings of token vectors; the same calls for W_E give the whole vocabulary's."""

    @abstractmethod
    def amplitude(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index meaning"]:
        """The factor that each meaning is written with: forward = sum of amplitude * written."""

    @abstractmethod
    def weigh(self, x: Float[Tensor, "*index pair"]) -> Float[Tensor, "*index meaning"]:
        """How much each meaning counts in its context: in [0, 1], summing to 1 over meanings."""

    def table(self, W_E: Float[Tensor, "vocab d_model"]) -> MeaningTable:
        """Every token's meanings, [vocab, meaning, d_model]: made once, no context needed."""
        return self.meanings(W_E)

    def split(self, x: Float[Tensor, "*index pair"]) -> tuple[Tensor, Tensor]:
        """The context state and the token vector, [.., d_model] each.

        Raises ValueError for another width.
        """
        if x.shape[-1] != 2 * self.config.d_model:
            wanted, got = 2 * self.config.d_model, x.shape[-1]
            raise ValueError(f"x: wanted 2 d_model = {wanted} columns (state, token), got {got}")
        state, token = self.hook_input(x).chunk(2, -1)
        return state, token

    def hidden(self, e: Float[Tensor, "*index d_model"]) -> Float[Tensor, "*index d_hidden"]:
        return self.hook_post(F.gelu(self.norm(e) @ self.W_in))

    def vectors(
        self, hidden: Float[Tensor, "*index d_hidden"], W: Float[Tensor, "d_hidden sense d_model"]
    ) -> Float[Tensor, "*index sense d_model"]:
        """h W: one vector per sense."""
        return (hidden @ W.flatten(1)).unflatten(-1, W.shape[1:])

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, 2 * self.config.d_model, generator=generator)


def hidden_units(parameters: Parameters) -> Float[Tensor, "d_hidden feature"]:
    """What each hidden unit reads: its column of W_in."""
    return parameters["W_in"].T
