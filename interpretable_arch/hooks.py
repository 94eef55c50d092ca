"""Named points that an activation passes through, to be recorded or replaced.

The names follow TransformerLens (`blocks.0.attn.hook_pattern`), so that notes and habits carry
over. A hook point without functions costs one call and leaves the tensor as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches

import torch
from torch import Tensor, nn

HookFunction = Callable[[Tensor], Tensor]


class HookPoint(nn.Module):
    """The identity, until functions are attached; `active` says whether there are any."""

    def __init__(self) -> None:
        super().__init__()
        self.functions: list[HookFunction] = []

    @property
    def active(self) -> bool:
        return bool(self.functions)

    def forward(self, activation: Tensor) -> Tensor:
        for function in self.functions:
            activation = function(activation)
        return activation


def hook_points(model: nn.Module) -> dict[str, HookPoint]:
    """Every hook point of the model by its full name, in order of definition."""
    return {name: m for name, m in model.named_modules() if isinstance(m, HookPoint)}


@contextmanager
def overridden(model: nn.Module, functions: Mapping[str, HookFunction]) -> Iterator[None]:
    """Within the block, each named activation passes through its function.

    Raises ValueError for a name that is no hook point, naming the nearest that is.
    """
    points = hook_points(model)
    for name in functions:
        if name not in points:
            near = get_close_matches(name, points, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(points)}"
            raise ValueError(f"hook: no hook point is called {name!r}{hint}")
    for name, function in functions.items():
        points[name].functions.append(function)
    try:
        yield
    finally:
        for name, function in functions.items():
            points[name].functions.remove(function)


def record(
    model: nn.Module, inputs: Tensor, names: Iterable[str] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Run `model(inputs)`; returns its output and the named activations (all, if None)."""
    cache: dict[str, Tensor] = {}

    def keep(name: str) -> HookFunction:
        def function(activation: Tensor) -> Tensor:
            cache[name] = activation
            return activation

        return function

    wanted = hook_points(model) if names is None else names
    with overridden(model, {name: keep(name) for name in wanted}):
        output = model(inputs)
    return output, cache


def state_share(model: nn.Module, inputs: Tensor, names: Iterable[str]) -> float:
    """How much the output moves when the named state comes from another input of the batch.

    Mean square of f(x; state of x') - f(x; state of x) over that of f about its batch mean.
    0: the state does not matter; about 2: the output is set by the state alone.
    """
    names = tuple(names)
    if inputs.shape[0] < 2:
        raise ValueError(f"inputs: wanted at least 2 to exchange state between, got {len(inputs)}")
    with torch.no_grad():
        own, cache = record(model, inputs, names)
        taken = {
            n: v.roll(1, 0) if v.shape[:1] == inputs.shape[:1] else v for n, v in cache.items()
        }
        with overridden(model, {n: lambda _, v=v: v for n, v in taken.items()}):
            exchanged = model(inputs)
    spread = (own - own.mean(0)).square().mean().clamp_min(torch.finfo(own.dtype).tiny)
    return float((exchanged - own).square().mean() / spread)
