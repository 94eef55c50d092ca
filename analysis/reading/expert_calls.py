"""Who calls which expert: every call that a sparse layer gets on given inputs, and its statistics.

A sparse layer is any module with `route(x) -> Routing`. A slot whose gate is zero calls nobody, so
that a token none of whose slots has a gate is a dropped one. Entropies in nats.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from interpretable_arch.layers.routing import Routing


@dataclass(frozen=True)
class Calls:
    """What the tokens of a run asked of one layer: x is what the layer read at each."""

    x: Float[Tensor, "token d_read"]
    indices: Int[Tensor, "token slot"]
    gates: Float[Tensor, "token slot"]
    experts: int

    @property
    def made(self) -> Bool[Tensor, "token slot"]:
        return self.gates != 0

    def of(self, expert: int) -> Float[Tensor, " token"]:
        """The expert's gate at every token, zero where it is not called."""
        return (self.gates * (self.indices == expert)).sum(-1)

    def counts(self) -> Float[Tensor, " expert"]:
        return torch.bincount(self.indices[self.made], minlength=self.experts).double()

    @property
    def spread(self) -> dict[str, float]:
        """How evenly calls fall on experts: max/mean - 1, 0 where all are called alike, and the
        entropy; nothing where nobody is called."""
        counts = self.counts()
        if not bool(counts.any()):
            return {}
        return {
            "load imbalance": float(counts.max() / counts.mean()) - 1,
            "entropy of the mean load": float(entropy(counts / counts.sum())),
        }

    def figures(self) -> dict[str, float]:
        """Of all calls; `dropped tokens` and `dead experts` are counts."""
        counts = self.counts()
        return {
            **self.spread,
            "entropy per token": float(entropy(shares(self.gates)).mean()),
            "dead experts": float((counts == 0).sum()),
            "dropped tokens": float((~self.made.any(-1)).sum()),
        }


def shares(gates: Float[Tensor, "*index slot"]) -> Float[Tensor, "*index slot"]:
    """Sizes of the gates, summing to 1; all zero where no gate is open."""
    sizes = gates.abs().double()
    return sizes / sizes.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)


def entropy(p: Float[Tensor, "*index outcome"]) -> Float[Tensor, "*index"]:
    """-sum p log p in nats, over the last axis."""
    return torch.special.entr(p).sum(-1)


def sparse_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The layers that route, by their full name."""
    return {n: m for n, m in model.named_modules() if n and callable(getattr(m, "route", None))}


def calls(model: nn.Module, pieces: list[Shaped[Tensor, "_ position"]]) -> dict[str, Calls]:
    """Every sparse layer's calls on windows of tokens, tokens in reading order.

    Layers that do not see each position once, such as one that reads a pooled state, are left out.
    """
    layers = sparse_layers(model)
    read: dict[str, list[Tensor]] = {name: [] for name in layers}
    with ExitStack() as hooks:
        for name, layer in layers.items():
            hooks.callback(layer.register_forward_pre_hook(_keep_in(read[name])).remove)
        for tokens in pieces:
            model(tokens)
    wanted = [tokens.shape for tokens in pieces]
    whole = {n: xs for n, xs in read.items() if [x.shape[:-1] for x in xs] == wanted}
    return {
        n: _of_layer(layers[n], torch.cat([x.flatten(0, 1) for x in xs])) for n, xs in whole.items()
    }


def _keep_in(seen: list[Tensor]) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        seen.append(arguments[0])

    return hook


def _of_layer(layer: nn.Module, x: Tensor) -> Calls:
    routing = layer.route(x)  # pyright: ignore[reportCallIssue]
    assert isinstance(routing, Routing), type(routing)
    return Calls(x, routing.indices, routing.gates, routing.experts)
