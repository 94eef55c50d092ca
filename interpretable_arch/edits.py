"""One set of verbs for editing any model: ablate, scale, swap, pin, by component name.

`edited` shows the *total* effect: everything downstream is recomputed. The *direct* effect, with
recorded state held, is an edit of the `Decomposition` itself; the two are never the same number.
An edit is plain data, so that it can be saved beside the run it was made on.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor, nn

from interpretable_arch.hooks import HookFunction, overridden, record

MOST_NAMES = 20
Verb = Literal["ablate", "scale", "swap", "pin"]


@dataclass(frozen=True)
class Site:
    """Where a component is written: a hook point, and the slice of it along `axis` (or all)."""

    hook: str
    axis: int | None = None
    index: int | None = None

    def put(self, activation: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        """The activation with this component's slice changed."""
        if self.axis is None or self.index is None:
            return change(activation)
        axis = self.axis % activation.dim()
        parts = list(activation.unbind(axis))
        parts[self.index] = change(parts[self.index])
        return torch.stack(parts, axis)

    def take(self, activation: Tensor) -> Tensor:
        if self.axis is None or self.index is None:
            return activation
        return activation.select(self.axis, self.index)


class Editable(Protocol):
    """A model that says where each of its components is written."""

    def sites(self) -> Mapping[str, Site]: ...


@dataclass(frozen=True)
class Edit:
    """One edit: `value` is the factor of `scale`, the constant of `pin`, the inputs of `swap`."""

    verb: Verb
    component: str
    value: Any = None

    @classmethod
    def ablate(cls, component: str) -> "Edit":
        return cls("ablate", component)

    @classmethod
    def scale(cls, component: str, factor: float) -> "Edit":
        return cls("scale", component, float(factor))

    @classmethod
    def swap(cls, component: str, inputs: Tensor) -> "Edit":
        """Take the component's activation from a run on `inputs` (same shape as the edited)."""
        return cls("swap", component, inputs.tolist())

    @classmethod
    def pin(cls, component: str, value: Tensor | float) -> "Edit":
        return cls("pin", component, value.tolist() if isinstance(value, Tensor) else value)

    def to_mapping(self) -> dict[str, Any]:
        return {"verb": self.verb, "component": self.component, "value": self.value}

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> "Edit":
        if set(data) != {"verb", "component", "value"}:
            raise ValueError(f"edit: wanted keys verb, component, value, got {sorted(data)}")
        verb, component, value = (data[key] for key in ("verb", "component", "value"))
        if verb not in ("ablate", "scale", "swap", "pin"):
            raise ValueError(f"edit: verb must be ablate, scale, swap or pin, got {verb!r}")
        if not isinstance(component, str):
            raise ValueError(f"edit: component must be a name, got {component!r}")
        if verb != "ablate" and not _finite(value, nested=verb != "scale"):
            raise ValueError(f"{verb} {component}: wanted finite numbers, got {value!r}"[:200])
        return cls(verb, component, value)


def _finite(value: Any, nested: bool) -> bool:
    if isinstance(value, list | tuple):
        return nested and all(_finite(v, nested) for v in value)
    return type(value) in (int, float) and math.isfinite(value)


def _site(model: nn.Module, component: str) -> Site:
    sites = cast(Editable, model).sites()
    if component in sites:
        return sites[component]
    near = get_close_matches(component, sites, 1)
    some = ", ".join(list(sites)[:MOST_NAMES]) + ", ..." * (len(sites) > MOST_NAMES)
    hint = f"; did you mean {near[0]!r}?" if near else f"; known: {some}"
    raise ValueError(f"component: {type(model).__name__} has none called {component!r}{hint}")


def _change(model: nn.Module, edit: Edit, site: Site) -> Callable[[Tensor], Tensor]:
    if edit.verb == "ablate":
        return torch.zeros_like
    if edit.verb == "scale":
        return lambda part: edit.value * part
    if edit.verb == "pin":
        return lambda part: _fitted(edit, torch.as_tensor(edit.value), part)
    source = torch.tensor(edit.value, device=next(model.parameters()).device)
    try:
        taken = site.take(record(model, source, [site.hook])[1][site.hook])
    except (IndexError, RuntimeError) as error:
        raise ValueError(f"swap {edit.component}: the model can't run on its inputs") from error
    return lambda part: _fitted(edit, taken, part)


def _fitted(edit: Edit, value: Tensor, part: Tensor) -> Tensor:
    """The value in the shape of the part; ValueError where it can't be."""
    try:
        return value.to(part).expand_as(part)
    except RuntimeError:
        wanted, got = list(part.shape), list(value.shape)
        message = f"{edit.verb} {edit.component}: wanted a value that fits {wanted}, got {got}"
        raise ValueError(message) from None


@contextmanager
def edited(model: nn.Module, *edits: Edit) -> Iterator[nn.Module]:
    """Within the block the model runs with the edits in place; afterwards it is as before.

    Raises ValueError for a component that the model does not have, naming the nearest.
    """
    functions: list[tuple[str, HookFunction]] = []
    for edit in edits:
        site = _site(model, edit.component)
        change = _change(model, edit, site)
        functions.append((site.hook, lambda x, site=site, change=change: site.put(x, change)))
    with ExitStack() as opened:
        for hook, function in functions:
            opened.enter_context(overridden(model, {hook: function}))
        yield model
