"""Where a model keeps tokens as lists of meanings, and how it uses them on a text.

Four kinds are read alike: a Backpack's senses (Hewitt et al. 2023, arXiv 2305.16765), layers of
`token_matrix` in a transformer, the predicted meanings of a softmax over senses, and hidden
classes. In a Backpack a sense acts at every later position: the weight of meaning l of an
occurrence is its share of what all positions of the window take from it. A softmax over senses and
hidden classes weigh an occurrence by the words to its left, and write nothing: their meanings are
compared with the mean vectors, or the words raised, of other words.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpretable_arch.hooks import record
from interpretable_arch.layers.density_senses import DensitySenses
from interpretable_arch.layers.token_matrix import MeaningTable, TokenMatrix
from interpretable_arch.models.backpack import Backpack
from interpretable_arch.models.latent_classes import LatentClasses
from interpretable_arch.models.sense_softmax import SenseSoftmax
from interpretable_arch.models.transformer import Transformer

WINDOWS = 32  # windows run at once


@dataclass(frozen=True, eq=False)
class SenseSource:
    """One place of a model where tokens are lists of meanings, under the name of its layer.

    `table` gives the meanings of tokens [token] and needs no context; `use` the weight of each
    meaning of every token of windows [window, position], and the signed factor that it is written
    with. What is written goes through `unembedding`. `density`: the weights at rest are the
    eigenvalues of a density matrix.
    """

    name: str
    meanings: int
    table: Callable[[Tensor], MeaningTable]
    use: Callable[[Tensor], tuple[Tensor, Tensor]]
    unembedding: Float[Tensor, "d_model vocab"]
    density: bool = False


@dataclass(frozen=True, eq=False)
class SenseUse:
    """Held-out windows of tokens with each meaning's weight and amplitude at each position.

    Weights are in [0, 1] and sum to 1 over meanings. Amplitudes carry a sign.
    """

    tokens: Int[Tensor, "window position"]
    weights: Float[Tensor, "window position meaning"]
    amplitudes: Float[Tensor, "window position meaning"]


def sense_sources(model: nn.Module) -> tuple[SenseSource, ...]:
    """Every place where the model keeps meanings, in order; none for other models."""
    if isinstance(model, Backpack):
        return (_backpack(model),)
    if isinstance(model, SenseSoftmax):
        return (_softmax(model),)
    if isinstance(model, LatentClasses):
        return (_latent_classes(model),)
    if not isinstance(model, Transformer):
        return ()
    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, TokenMatrix)]
    return tuple(_layer(model, name, layer) for name, layer in layers)


@torch.no_grad()
def sense_use(source: SenseSource, tokens: Int[Tensor, "window position"]) -> SenseUse:
    """How the meanings of a source are used in windows of text."""
    found = [source.use(part) for part in tokens.split(WINDOWS)]
    weights, amplitudes = (torch.cat(parts) for parts in zip(*found, strict=True))
    return SenseUse(tokens, weights, amplitudes)


def _backpack(model: Backpack) -> SenseSource:
    # Meanings have no context: one pass over the vocabulary serves every occurrence.
    cached = model.meanings().detach()
    count = cached.shape[1]

    def table(tokens: Tensor) -> MeaningTable:
        written = cached[tokens]
        return MeaningTable(written, torch.full_like(written[..., 0], 1 / count))

    def use(tokens: Tensor) -> tuple[Tensor, Tensor]:
        taken = model.weigh(tokens).sum(-2).movedim(-2, -1)
        weights = taken / taken.sum(-1, keepdim=True)
        return weights, weights

    return SenseSource("senses", count, table, use, model.W_E.detach().T)


def _softmax(model: SenseSoftmax) -> SenseSource:
    vectors = model.D.detach().movedim(0, 1)
    count = vectors.shape[1]

    def table(tokens: Tensor) -> MeaningTable:
        written = vectors[tokens]
        return MeaningTable(written, torch.full_like(written[..., 0], 1 / count))

    def use(tokens: Tensor) -> tuple[Tensor, Tensor]:
        found = model.posterior(tokens[:, :-1], tokens[:, 1:])
        # The first word of a window has no context: its meanings are at rest.
        weights = torch.cat([torch.full_like(found[:, :1], 1 / count), found], 1)
        return weights, weights

    return SenseSource("predicted senses", count, table, use, vectors.mean(1).T)


def _latent_classes(model: LatentClasses) -> SenseSource:
    # A class writes the words that it raises over the classes' mean.
    classes = torch.eye(model.config.classes).to(model.prior)
    raised = model.emission.detach().log_softmax(-1)

    def table(tokens: Tensor) -> MeaningTable:
        rest = model.meanings()[tokens]
        return MeaningTable(classes.expand(len(tokens), -1, -1), rest)

    def use(tokens: Tensor) -> tuple[Tensor, Tensor]:
        found = model.posterior(tokens[:, :-1], tokens[:, 1:])
        weights = torch.cat([model.meanings()[tokens[:, :1]], found], 1)
        return weights, weights

    return SenseSource("classes", len(classes), table, use, raised - raised.mean(0))


def _layer(model: Transformer, name: str, layer: TokenMatrix) -> SenseSource:
    hook = f"{name}.hook_input"

    def table(tokens: Tensor) -> MeaningTable:
        return layer.meanings(model.W_E.detach()[tokens])

    def use(tokens: Tensor) -> tuple[Tensor, Tensor]:
        x = record(model, tokens, [hook])[1][hook]
        return layer.weigh(x), layer.amplitude(x)

    count, density = layer.config.senses, isinstance(layer, DensitySenses)
    return SenseSource(name, count, table, use, model.unembedding().detach(), density)
