"""Named parts whose sum is the output, and which promise that sum keeps.

A part stays factored, value = coefficient @ direction, so that nothing of shape
batch x position x component x vocabulary is built unless it is asked for.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Tier = Literal["unconditional", "given", "remainder", "approximate"]
ORDER: tuple[Tier, ...] = ("unconditional", "given", "remainder", "approximate")


@dataclass(frozen=True)
class Exactness:
    """Which promise a decomposition keeps, and what set it.

    unconditional: exact from the weights alone. given: exact once the `state` is held.
    remainder: a free remainder with this `share` closes the sum. approximate: `share` is the
    error on held-out input.
    """

    tier: Tier
    state: tuple[str, ...] = ()
    share: float | None = None
    set_by: tuple[str, ...] = ()

    @classmethod
    def unconditional(cls) -> "Exactness":
        return cls("unconditional")

    @classmethod
    def given(cls, *state: str, set_by: Sequence[str] = ()) -> "Exactness":
        return cls("given", state=state, set_by=tuple(set_by))

    @classmethod
    def remainder(cls, share: float) -> "Exactness":
        return cls("remainder", share=share)

    @classmethod
    def approximate(cls, error: float) -> "Exactness":
        return cls("approximate", share=error)

    def keeps(self, required: Tier) -> bool:
        """Whether this promise is at least as strong as `required`."""
        return ORDER.index(self.tier) <= ORDER.index(required)

    def __str__(self) -> str:
        # Every block's state of one kind is one entry: blocks.*.attn.pattern.
        short = [re.sub(r"\.\d+\.", ".*.", n).replace("hook_", "") for n in self.state]
        inside = ", ".join(dict.fromkeys(short))
        if self.share is not None:
            inside = ", ".join(filter(None, (inside, f"{self.share:.3g}")))
        return self.tier.upper() + (f"({inside})" if inside else "")


def compose(stages: Iterable[tuple[str, Exactness | None]]) -> Exactness:
    """The promise of stages run one after another; `None` marks an affine stage.

    Affine maps keep the promise they are given. A second non-affine stage makes the output no
    sum over the inputs any more: it is exact only given what the earlier ones handed on.
    """
    kept = [(name, e) for name, e in stages if e is not None]
    if not kept:
        return Exactness.unconditional()
    if len(kept) == 1:
        return replace(kept[0][1], set_by=(kept[0][0],))
    # Two stages are never unconditional together: "given" is the best that is left.
    tier = ORDER[max(1, *(ORDER.index(e.tier) for _, e in kept))]
    states = [f"{name}.{state}" for name, e in kept for state in e.state]
    states += [f"{name}.hidden" for name, e in kept[:-1] if not e.state]
    shares = [e.share for _, e in kept if e.share is not None]
    set_by = tuple(name for name, e in kept if e.tier == tier) or tuple(n for n, _ in kept[:-1])
    return Exactness(tier, tuple(states), sum(shares) if shares else None, set_by)


@dataclass(frozen=True)
class Component:
    """One named part: value [*index, output] = coefficient [*index, rank] @ direction."""

    name: str
    coefficient: Float[Tensor, "*index rank"]
    direction: Float[Tensor, "rank output"]

    def value(self) -> Float[Tensor, "*index output"]:
        return self.coefficient @ self.direction

    def toward(self, u: Float[Tensor, " output"]) -> Float[Tensor, "*index"]:
        """What this part adds along `u`, without building its value."""
        return self.coefficient @ (self.direction @ u)


@dataclass(frozen=True)
class Decomposition:
    """Parts that sum to a model's output; edits here are *direct* effects (state held)."""

    components: tuple[Component, ...]
    exactness: Exactness
    quantity: str = "logits"
    state: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.components):
            raise ValueError(f"components: names must differ, got {self.names}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.components)

    def __getitem__(self, name: str) -> Component:
        for component in self.components:
            if component.name == name:
                return component
        near = get_close_matches(name, self.names, 1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(self.names)}"
        raise ValueError(f"component: none is called {name!r}{hint}")

    def total(self) -> Float[Tensor, "*index output"]:
        """The sum of all parts; parts that share a direction meet before the product."""
        sums: dict[int, tuple[Tensor, Tensor]] = {}
        for c in self.components:
            key = id(c.direction)
            coefficient = sums[key][0] + c.coefficient if key in sums else c.coefficient
            sums[key] = (coefficient, c.direction)
        products = [coefficient @ direction for coefficient, direction in sums.values()]
        return products[0] if len(products) == 1 else torch.stack(products).sum(0)

    def relative_error(self, forward: Float[Tensor, "*index output"]) -> float:
        """||sum of parts - forward|| / ||forward||, Frobenius, in the quantity of the parts."""
        wanted = self.in_quantity(forward)
        return float(((self.total() - wanted).norm() / wanted.norm()).detach())

    def in_quantity(self, forward: Float[Tensor, "*index output"]) -> Tensor:
        """What the parts sum to: the outputs, or their softmax where parts are probabilities."""
        return forward.softmax(-1) if self.quantity == "probability" else forward

    def toward(self, u: Float[Tensor, " output"]) -> Float[Tensor, "*index component"]:
        """Each part's share of the output along `u` (a class, a difference of two classes)."""
        return torch.stack([c.toward(u) for c in self.components], -1)

    def grouped(self, groups: Mapping[str, Sequence[str]]) -> "Decomposition":
        """The same sum in coarser parts: each group of names becomes one part."""
        named = [name for members in groups.values() for name in members]
        if sorted(named) != sorted(self.names):
            raise ValueError(f"groups: must use each of {self.names} once, got {named}")
        parts = []
        for name, members in groups.items():
            found = [self[m] for m in members]
            coefficient = torch.cat([c.coefficient for c in found], -1)
            parts.append(Component(name, coefficient, torch.cat([c.direction for c in found], -2)))
        return replace(self, components=tuple(parts))

    def _with(self, name: str, coefficient: Tensor, direction: Tensor) -> "Decomposition":
        old = self[name]
        new = Component(name, coefficient, direction)
        return replace(self, components=tuple(new if c is old else c for c in self.components))

    def scale(self, name: str, factor: float) -> "Decomposition":
        part = self[name]
        return self._with(name, factor * part.coefficient, part.direction)

    def ablate(self, name: str) -> "Decomposition":
        part = self[name]
        return self._with(name, torch.zeros_like(part.coefficient), part.direction)

    def swap(self, name: str, other: "Decomposition") -> "Decomposition":
        """Take this part from another input's decomposition of the same shape."""
        part = other[name]
        if part.coefficient.shape != self[name].coefficient.shape:
            wanted, got = tuple(self[name].coefficient.shape), tuple(part.coefficient.shape)
            raise ValueError(f"other: wanted coefficients of shape {wanted}, got {got}")
        return self._with(name, part.coefficient, part.direction)

    def pin(self, name: str, value: Tensor | float) -> "Decomposition":
        """Hold this part's coefficient at `value` (broadcast over the index)."""
        part = self[name]
        value = torch.as_tensor(value, dtype=part.coefficient.dtype, device=part.coefficient.device)
        return self._with(name, value.expand_as(part.coefficient), part.direction)
