"""Which heads read what which earlier heads write: Q-, K- and V-composition from weights alone
(Elhage et al. 2021, transformer-circuits.pub/2021/framework).

    score = || A B || / (|| A || || B ||) - its mean in random models of these shapes

A = W_E W_V W_O of the earlier head is what it writes for each token. B is how the later head reads
it: by key (W_Q W_K^T)^T W_E^T, by query W_Q W_K^T W_E^T, by value W_V W_O W_U. Norms are
Frobenius', in the basis of the stream in which all that is written to it, embeddings and heads
together, has second moment one, so that no change of basis inside the model alters a score.
Rotary positions turn the QK circuit; of its norms the root mean square over offsets is taken.

How far random models scatter about their mean, and the largest that they reach, stand beside each
score: it says something only where it is well above these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from interpretable_arch.readings.circuit_graph import score_norm

Kind = Literal["query", "key", "value"]
KINDS: tuple[Kind, ...] = ("query", "key", "value")
DRAWS = 16
ALIKE = 1e-12  # a spread of ratios, which are at most 1, that is rounding
SPAN = 1e-12  # of the largest second moment: what is less was never written


@dataclass(frozen=True)
class Composition:
    """How much head `second` reads by its `kind` of what `first` writes, above random models.

    `spread` is the standard deviation of random models, `reach` their largest less their mean.
    """

    first: str
    second: str
    kind: Kind
    score: float
    spread: float
    reach: float

    @property
    def deviations(self) -> float:
        """The score in standard deviations of random models; 0 where these are all alike."""
        return self.score / self.spread if self.spread > ALIKE else 0.0


@dataclass(frozen=True)
class _Chance:
    """The ratios of one kind in random models: mean, standard deviation, largest."""

    mean: float
    spread: float
    largest: float

    def above(self, first: str, second: str, kind: Kind, ratio: float) -> Composition:
        reach = self.largest - self.mean
        return Composition(first, second, kind, ratio - self.mean, self.spread, reach)


@dataclass(frozen=True, eq=False)
class _Head:
    """One head: W_Q, W_K, W_V [d_model, d_head], W_O [d_head, d_model]."""

    W_Q: Tensor
    W_K: Tensor
    W_V: Tensor
    W_O: Tensor


@dataclass(frozen=True, eq=False)
class _Circuits:
    """The ends W_E and W_U and the heads of each layer by name, in one basis of the stream."""

    W_E: Tensor
    W_U: Tensor
    layers: tuple[dict[str, _Head], ...]
    context: int

    def ratios(self, first: _Head, second: _Head) -> tuple[float, float, float]:
        """|| A B || / (|| A || || B ||) by query, key and value, in [0, 1]; 0 where A or B is 0."""
        A = self.W_E @ first.W_V @ first.W_O
        queries, keys = self.W_E @ second.W_Q, self.W_E @ second.W_K
        moved = second.W_V @ (second.W_O @ self.W_U)
        size, c = float(A.norm()), self.context
        query = score_norm(A @ second.W_Q, keys, c), score_norm(second.W_Q, keys, c)
        key = score_norm(queries, A @ second.W_K, c), score_norm(queries, second.W_K, c)
        value = float((A @ moved).norm()), float(moved.norm())
        by_query, by_key, by_value = (
            both / (size * alone) if size * alone else 0.0 for both, alone in (query, key, value)
        )
        return by_query, by_key, by_value


def compositions(
    parameters: Mapping[str, Tensor], layers: int, context: int
) -> tuple[Composition, ...]:
    """Every kind for every pair of heads in different layers, of an attention-only model."""
    if layers < 2:
        return ()
    circuits = _whitened(_circuits(parameters, layers, context))
    chance, found = _chance(parameters, layers, context), []
    for later in range(1, layers):
        earlier = {n: head for heads in circuits.layers[:later] for n, head in heads.items()}
        for second, reader in circuits.layers[later].items():
            for first, writer in earlier.items():
                ratios = zip(KINDS, circuits.ratios(writer, reader), chance, strict=True)
                found += [c.above(first, second, kind, ratio) for kind, ratio, c in ratios]
    return tuple(found)


def _chance(parameters: Mapping[str, Tensor], layers: int, context: int) -> tuple[_Chance, ...]:
    """Each kind in models of these shapes with independent normal entries: always the same."""
    generator, ratios = torch.Generator().manual_seed(0), []
    for _ in range(DRAWS):
        model = {
            name: torch.randn(value.shape, generator=generator, dtype=torch.float64)
            / parameters["W_E"].shape[1] ** 0.5
            for name, value in sorted(parameters.items())
        }
        c = _whitened(_circuits(model, layers, context))
        first, second = (list(layer.values()) for layer in c.layers[:2])
        ratios += [c.ratios(writer, reader) for reader in second for writer in first]
    drawn = torch.tensor(ratios, dtype=torch.float64)
    columns = (drawn.mean(0), drawn.std(0), drawn.amax(0))
    return tuple(_Chance(*row) for row in torch.stack(columns, 1).tolist())


def _circuits(parameters: Mapping[str, Tensor], layers: int, context: int) -> _Circuits:
    exact = {name: value.detach().double().cpu() for name, value in parameters.items()}
    found = []
    for prefix in (f"blocks.{layer}.attn." for layer in range(layers)):
        read = [exact[prefix + n].unbind(1) for n in ("W_Q", "W_K", "W_V")]
        heads = zip(*read, exact[f"{prefix}W_O"].unbind(0), strict=True)
        found.append({f"{prefix}head.{h}": _Head(*matrices) for h, matrices in enumerate(heads)})
    return _Circuits(exact["W_E"], exact["W_U"], tuple(found), context)


def _whitened(c: _Circuits) -> _Circuits:
    """The same circuits where sum over writers of T^T T is the identity on what they span."""
    heads = [head for layer in c.layers for head in layer.values()]
    writers = [c.W_E, *(c.W_E @ head.W_V @ head.W_O for head in heads)]
    moment = torch.stack([T.mT @ T for T in writers]).sum(0)
    sizes, basis = torch.linalg.eigh(moment)
    kept = sizes > SPAN * sizes[-1]
    into = basis[:, kept] / sizes[kept].sqrt()
    out_of = basis[:, kept] * sizes[kept].sqrt()

    def moved(head: _Head) -> _Head:
        W_Q, W_K, W_V = (out_of.mT @ w for w in (head.W_Q, head.W_K, head.W_V))
        return _Head(W_Q, W_K, W_V, head.W_O @ into)

    layers = tuple({name: moved(head) for name, head in layer.items()} for layer in c.layers)
    return replace(c, W_E=c.W_E @ into, W_U=out_of.mT @ c.W_U, layers=layers)
