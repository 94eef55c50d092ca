"""The group that leaves a model's function unchanged, as it acts on named parameters.

A `Symmetry` is an ordered product of factors; each factor is a group (`symmetries`) acting
on one axis of some parameters. An `Element` is a list of moves, one factor after the other, so
that composing is appending and inverting is reversing.

What is declared holds at every size and every point. It is all there is, its dimension the least
corank of the Jacobian of outputs by parameters (on the tangent space, where a model constrains
them), while inputs tell parameters apart: enough inputs and outputs, and no unit shut for all
inputs. A model with more parameters than distinguishable outputs has more flat directions, and
there the declared group is a part; each model of a finite group says where that begins.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

Parameters = Mapping[str, Tensor]
Side = Literal["direct", "dual"]


def weights(model: nn.Module) -> dict[str, Tensor]:
    """The model's parameters and persistent buffers by name, without gradients."""
    return {name: value.detach() for name, value in model.state_dict().items()}


@dataclass(frozen=True)
class Action:
    """How a parameter carries a group: on `axis`, as the group itself or as its dual.

    `copies_axis` indexes independent copies (one group per head). `complex` reads a trailing
    axis of two as real and imaginary part. An `anchor` takes part in fitting and canonical form,
    `centred` where a later translation moves its rows.
    """

    parameter: str
    axis: int
    side: Side = "direct"
    copies_axis: int | None = None
    complex: bool = False
    anchor: bool = True
    centred: bool = False

    def prefixed(self, prefix: str) -> "Action":
        """The same action on parameters of a part of a model."""
        return replace(self, parameter=prefix + self.parameter)

    def view(self, value: Tensor) -> Tensor:
        """The parameter as [copies, n, rest]."""
        return self._moved(value).flatten(2) if value.dim() > 1 else value[None, :, None]

    def _moved(self, value: Tensor) -> Tensor:
        if self.complex:
            value = torch.view_as_complex(value.contiguous())
        if value.dim() == 1:
            return value[None, :, None]
        axis = self.axis % value.dim()
        if self.copies_axis is None:
            moved = value.movedim(axis, 0)[None]
        else:
            moved = value.movedim((self.copies_axis % value.dim(), axis), (0, 1))
        return moved if moved.dim() > 2 else moved[..., None]

    def anchor_view(self, value: Tensor) -> Tensor:
        """The view that fits and canonical forms look at."""
        viewed = self.view(value)
        return viewed - viewed.mean(-1, keepdim=True) if self.centred else viewed

    def unview(self, viewed: Tensor, like: Tensor) -> Tensor:
        """The inverse of `view`, in the shape of `like`."""
        shape = torch.view_as_complex(like.contiguous()).shape if self.complex else like.shape
        if len(shape) == 1:
            return viewed.reshape(shape)
        axis = self.axis % len(shape)
        if self.copies_axis is None:
            rest = [s for i, s in enumerate(shape) if i != axis]
            value = viewed[0].reshape([shape[axis], *rest]).movedim(0, axis)
        else:
            copies = self.copies_axis % len(shape)
            rest = [s for i, s in enumerate(shape) if i not in (axis, copies)]
            value = viewed.reshape([shape[copies], shape[axis], *rest])
            value = value.movedim((0, 1), (copies, axis))
        return torch.view_as_real(value) if self.complex else value


class Group(ABC):
    """A group acting linearly (or by translation) on tensors [copies, n, rest]."""

    @property
    @abstractmethod
    def dimension(self) -> int: ...

    @property
    @abstractmethod
    def log_order(self) -> float:
        """Natural log of the number of components, the order itself for a finite group."""

    @abstractmethod
    def sample(self, copies: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor: ...

    @abstractmethod
    def inverse(self, g: Tensor) -> Tensor: ...

    @abstractmethod
    def apply(self, g: Tensor, x: Tensor, side: Side) -> Tensor: ...

    @abstractmethod
    def fit(self, pairs: Sequence[tuple[Tensor, Tensor, Side]]) -> Tensor:
        """The element that carries each first tensor closest to its second."""

    @abstractmethod
    def canonical(self, views: Sequence[tuple[Tensor, Side]]) -> Tensor:
        """The element that carries these views to their canonical form."""


@dataclass(frozen=True)
class Factor:
    """A named group with its actions.

    `key` gives rows [n, feature] (or [copies, n, feature]) that identify what is permuted; it must
    be invariant under the factors that come later in the product.
    """

    name: str
    group: Group
    actions: tuple[Action, ...]
    copies: int = 1
    key: Callable[[Parameters], Tensor] | None = None
    stabiliser: int = 0

    @property
    def dimension(self) -> int:
        return self.copies * self.group.dimension - self.stabiliser

    def prefixed(self, prefix: str) -> "Factor":
        """The same factor for a part of a model whose parameters start with `prefix`."""
        key = self.key

        def inner(parameters: Parameters) -> Tensor:
            assert key is not None
            n = len(prefix)
            return key({k[n:]: v for k, v in parameters.items() if k.startswith(prefix)})

        actions = tuple(a.prefixed(prefix) for a in self.actions)
        return replace(
            self, name=prefix + self.name, actions=actions, key=None if key is None else inner
        )

    def act(self, g: Tensor, parameters: Parameters) -> dict[str, Tensor]:
        out = dict(parameters)
        for a in self.actions:
            old = out[a.parameter]
            out[a.parameter] = a.unview(self.group.apply(g, a.view(old), a.side), old)
        return out

    def fit(self, parameters: Parameters, reference: Parameters) -> Tensor:
        if self.key is not None:
            return self.group.fit([(self._rows(parameters), self._rows(reference), "direct")])
        anchors = [a for a in self.actions if a.anchor]
        old = [a.anchor_view(parameters[a.parameter]) for a in anchors]
        new = [a.anchor_view(reference[a.parameter]) for a in anchors]
        return self.group.fit([(o, n, a.side) for o, n, a in zip(old, new, anchors, strict=True)])

    def _rows(self, parameters: Parameters) -> Tensor:
        assert self.key is not None
        rows = self.key(parameters)
        return rows if rows.dim() == 3 else rows[None]

    def canonical(self, parameters: Parameters) -> Tensor:
        if self.key is not None:
            return self.group.canonical([(self._rows(parameters), "direct")])
        anchors = [a for a in self.actions if a.anchor]
        return self.group.canonical(
            [(a.anchor_view(parameters[a.parameter]), a.side) for a in anchors]
        )


Element = tuple[tuple[int, Tensor], ...]


@dataclass(frozen=True)
class Symmetry:
    """An ordered product of factors; `invariants` where no canonical form is unique."""

    factors: tuple[Factor, ...]
    invariants: Callable[[Parameters], dict[str, Tensor]] | None = None

    @property
    def continuous_dimension(self) -> int:
        return sum(f.dimension for f in self.factors)

    @property
    def log_order(self) -> float:
        """Natural log of the order of the finite part."""
        return math.fsum(f.copies * f.group.log_order for f in self.factors)

    def sample(self, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Element:
        return tuple(
            (i, f.group.sample(f.copies, generator, dtype)) for i, f in enumerate(self.factors)
        )

    def act(self, element: Element, parameters: Parameters) -> dict[str, Tensor]:
        """The transformed parameters; names and shapes stay, nothing is changed in place."""
        out = dict(parameters)
        for i, g in element:
            out = self.factors[i].act(g, out)
        return out

    def inverse(self, element: Element) -> Element:
        return tuple((i, self.factors[i].group.inverse(g)) for i, g in reversed(element))

    def align(self, parameters: Parameters, reference: Parameters) -> Element:
        """The element that carries `parameters` closest to `reference`, factor by factor.

        Exact, up to stabilisers, when one is a transformed copy of the other at a generic point.
        For models that are no copies, as two trained apart, `alignment.descent.align` is better: it
        starts here and from elsewhere, and keeps the nearest.
        """
        self._check(parameters, reference)
        moves: list[tuple[int, Tensor]] = []
        current = dict(parameters)
        for i, factor in enumerate(self.factors):
            g = factor.fit(current, reference)
            current = factor.act(g, current)
            moves.append((i, g))
        return tuple(moves)

    def canonical(self, parameters: Parameters) -> dict[str, Tensor]:
        """Canonical parameters, or the complete invariants: equal for all copies of a model."""
        if self.invariants is not None:
            return self.invariants(parameters)
        return self.act(self.canonical_element(parameters), parameters)

    def canonical_element(self, parameters: Parameters) -> Element:
        moves: list[tuple[int, Tensor]] = []
        current = dict(parameters)
        for i, factor in enumerate(self.factors):
            g = factor.canonical(current)
            current = factor.act(g, current)
            moves.append((i, g))
        return tuple(moves)

    def distance(self, parameters: Parameters, reference: Parameters) -> float:
        """||g theta - theta'|| / ||theta'|| with g = align(theta, theta')."""
        moved = self.act(self.align(parameters, reference), parameters)
        gap = sum(float((moved[n] - reference[n]).square().sum()) for n in reference)
        return math.sqrt(gap / sum(float(v.square().sum()) for v in reference.values()))

    def _check(self, parameters: Parameters, reference: Parameters) -> None:
        for name, value in reference.items():
            if name not in parameters or parameters[name].shape != value.shape:
                got = tuple(parameters[name].shape) if name in parameters else "none"
                raise ValueError(f"{name}: wanted shape {tuple(value.shape)}, got {got}")

    def __repr__(self) -> str:
        inside = " x ".join(
            f"{f.name}: {f.group!r}" + (f"^{f.copies}" if f.copies > 1 else "")
            for f in self.factors
        )
        return f"Symmetry({inside}; dimension {self.continuous_dimension})"
