"""Layers from the mlp's place on plain features, without tokens: a classifier or a regression.

    x_i = x_{i-1} + layer_i(x_{i-1}),   outputs = x_L W_U   or   head(x_L)

The stream is the features themselves (x_0), so every layer reads and writes in the features' own
basis, there is no embedding to undo, and layers that fix a basis fit as well. `head` is a layer
that takes `d_out` and writes the outputs in place of W_U: a bilinear head alone is the image
classifier of Pearce et al. 2024 (arXiv 2410.08417). There is no norm: one layer keeps its own
promise, further ones read what earlier ones wrote and are exact given those reads.

The declared symmetry, that of each layer, is everything while outputs >= features (or there is a
head): what a last layer writes and W_U does not see is flat (features 4, outputs 3, d_mlp 5: 5
directions for none declared). Where a bilinear layer with a bias is the only one before W_U, its
linear term also trades with the skip path: one more flat direction a neuron.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpretable_arch.argument_types import at_least_one
from interpretable_arch.decomposition import Component, Decomposition, compose
from interpretable_arch.edits import Site
from interpretable_arch.hooks import HookPoint, record
from interpretable_arch.interpretation import Feature, Interpretation
from interpretable_arch.layers.placed import Part, check_alone, check_part, check_shape, placed
from interpretable_arch.symmetry import Symmetry


@dataclass(frozen=True)
class FeedForwardConfig:
    """`layers` and `head` name registered layers: {class_path: bilinear, init_args: {...}}.

    `std` is that of all matrices at the start, 1 / sqrt(features) if None.
    """

    features: int
    outputs: int
    layers: Sequence[Any] = ()
    head: Part | None = None
    std: float | None = None

    def __post_init__(self) -> None:
        at_least_one(features=self.features, outputs=self.outputs)
        if not isinstance(self.layers, list | tuple):
            raise ValueError(f"layers: wanted a list of layers, got {self.layers!r}")
        for place, part in self.stages().items():
            check_part(place, part)

    def stages(self) -> dict[str, Any]:
        """What runs, in order: layers.0, layers.1, ..., head."""
        named: dict[str, Any] = {f"layers.{i}": part for i, part in enumerate(self.layers)}
        return named if self.head is None else {**named, "head": self.head}


_BILINEAR: Part = {"class_path": "bilinear", "init_args": {"d_hidden": 3}}
_MLP: Part = {"class_path": "mlp", "init_args": {"d_mlp": 5}}
EXAMPLES = {
    "bilinear": FeedForwardConfig(features=4, outputs=3, head=_BILINEAR),
    "stack": FeedForwardConfig(features=4, outputs=5, layers=(_BILINEAR, _MLP)),
    "headed": FeedForwardConfig(features=4, outputs=3, layers=(_MLP,), head=_BILINEAR),
}


class FeedForward(nn.Module):
    """Features [.., feature] to outputs [.., output]; W_U [feature, output] without a head."""

    def __init__(self, config: FeedForwardConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        std = c.features**-0.5 if c.std is None else c.std
        self.layers = nn.ModuleList(
            _built(c, f"layers.{i}", p, {"std": std}) for i, p in enumerate(c.layers)
        )
        sizes = {"std": std, "d_out": c.outputs}
        self.head = None if c.head is None else _built(c, "head", c.head, sizes)
        unembedding = torch.empty(c.features, c.outputs).normal_(std=std)
        self.W_U = nn.Parameter(unembedding) if self.head is None else None
        self.hook_skip = HookPoint()
        self.hook_read = nn.ModuleList(HookPoint() for _ in c.stages())

    def forward(self, x: Float[Tensor, "*index feature"]) -> Float[Tensor, "*index output"]:
        read, stream = x, self.hook_skip(x)
        for layer, hook in zip(self.layers, self.hook_read, strict=False):
            read = stream = stream + layer(hook(read))
        if self.head is not None:
            return self.head(self.hook_read[-1](read))
        return stream @ self._unembedding()

    def _unembedding(self) -> Float[Tensor, "feature output"]:
        assert self.W_U is not None, "no head"
        return self.W_U

    def example_inputs(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 5, self.config.features, generator=generator)

    def stages(self) -> list[tuple[str, Any]]:
        """(name, layer) of all that runs, in order."""
        return [(name, self.get_submodule(name)) for name in self.config.stages()]

    def sites(self) -> Mapping[str, Site]:
        sites = {} if self.W_U is None else {"input": Site("hook_skip")}
        for name, layer in self.stages():
            for part, s in layer.sites().items():
                sites[f"{name}.{part}"] = Site(f"{name}.{s.hook}", s.axis, s.index)
        return sites

    def decompose(self, x: Float[Tensor, "*index feature"]) -> Decomposition:
        """The parts of the head, or the input and the parts of every layer through W_U."""
        stages = self.stages()
        reads = [f"hook_read.{i}" for i in range(len(stages))]
        _, cache = record(self, x, ["hook_skip", *reads])
        inner = [layer.decompose(cache[r]) for r, (_, layer) in zip(reads, stages, strict=True)]
        promises = [(name, d.exactness) for (name, _), d in zip(stages, inner, strict=True)]
        parts: list[Component] = []
        state: dict[str, Tensor] = {}
        if self.W_U is not None:
            parts.append(Component("input", cache["hook_skip"], self.W_U))
        for i, ((name, _), found) in enumerate(zip(stages, inner, strict=True)):
            if self.W_U is None and name != "head":
                continue
            through = None if name == "head" else self._unembedding()
            parts += [_part(name, c, through) for c in found.components]
            # A stage after the first reads what others wrote: hold what it read.
            state |= {reads[i]: cache[reads[i]]} if i else {}
            state |= {f"{name}.{n}": v for n, v in found.state.items()}
        exactness = replace(compose(promises), state=tuple(state))
        return Decomposition(tuple(parts), exactness, "logits", state)

    def symmetry(self) -> Symmetry:
        """Those of its layers; the features fix the basis of the stream."""
        return Symmetry(
            tuple(f.prefixed(f"{n}.") for n, m in self.stages() for f in m.symmetry().factors)
        )

    def interpretation(self) -> Interpretation:
        features = [
            Feature(f"{name}.{f.name}", f.value, f.description)
            for name, layer in self.stages()
            for f in layer.interpretation().features
        ]
        return Interpretation("", tuple(features))


def _part(stage: str, c: Component, through: Tensor | None) -> Component:
    direction = c.direction if through is None else c.direction @ through
    return Component(f"{stage}.{c.name}", c.coefficient, direction)


def _built(config: FeedForwardConfig, place: str, part: Part, sizes: Mapping[str, Any]) -> Any:
    """The layer of a place, refused where it can't stand there."""
    given = {"d_model": config.features, **sizes}
    layer: Any = placed(place, part, given)
    name: str = part["class_path"]
    own: Any = getattr(layer, "config", None)
    check_alone(place, part, layer)
    if getattr(own, "d_model", config.features) != config.features:
        raise ValueError(
            f"{place}: wanted d_model = features = {config.features}, got {own.d_model}"
        )
    wanted = sizes.get("d_out")
    if wanted is not None and getattr(own, "d_out", None) != wanted:
        raise ValueError(
            f"{place}: wanted a layer that takes d_out = {wanted}, such as bilinear, got {name}"
        )
    check_shape(place, part, layer, config.features, wanted or config.features)
    return layer
