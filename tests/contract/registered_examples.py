"""What the laws run over: every registered layer and model, in every example config."""

import pytest
import torch
from torch import nn

from interpretable_arch.registry import ENTRIES

CASES = [(name, which) for name, entry in ENTRIES.items() for which in entry.examples()]
cases = pytest.mark.parametrize(("name", "which"), CASES)


def example(name: str, which: str, seed: int = 0) -> nn.Module:
    """The example model at a random point: no parameter and no stored buffer is left at zero.

    Tables of data are those of the model's own `example_batches`, the same for every seed.
    """
    _, model = ENTRIES[name].load()
    torch.manual_seed(seed)
    built = model(ENTRIES[name].examples()[which])
    if hasattr(built, "example_batches"):
        drawn = {n: p.detach().clone() for n, p in built.named_parameters()}
        built.fit_data(built.example_batches())
        built.load_state_dict({**built.state_dict(), **drawn})
    with torch.no_grad():
        for value in built.state_dict().values():
            if value.is_floating_point() and not value.any():
                value.normal_(std=0.3)
    return built.to(torch.get_default_dtype())


def inputs(model: nn.Module, count: int = 6, seed: int = 1) -> torch.Tensor:
    return model.example_inputs(count, torch.Generator().manual_seed(seed))


def parameters(model: nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in model.state_dict().items()}


def call(model: nn.Module, values: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    return torch.func.functional_call(model, values, (x,))
