"""Speed of the spline layer against pykan's and against efficient-kan's formula, forward+backward.

    PYTHONPATH=FOLDER python tests/benchmarks/bench_spline.py

256 -> 256, grid 8, cubic, 1,024 rows, float32, gradients by inputs and parameters. The layers take
turns; each round gives a ratio, of which the median is printed. efficient-kan is written down here
from its description: bases by the recursion of Cox and de Boor on all rows, then one linear map of
the bases beside one of silu(x). FOLDER holds pykan (pip install
--target FOLDER --no-deps pykan); without it its row is left out.
"""

import argparse
import importlib
import importlib.util
import os
import statistics
import sys
import time
import types
from collections.abc import Callable

os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import torch
from torch import nn
from torch.nn import functional as F

from interpretable_arch.layers.spline import Spline, SplineConfig

WIDTH, GRID, DEGREE, ROWS = 256, 8, 3, 1024


class EfficientKAN(nn.Module):
    """silu(x) W_b^T + flat(bases) (W_s * scale)^T, bases by recursion."""

    def __init__(self) -> None:
        super().__init__()
        step = 2.0 / GRID
        knots = torch.arange(-DEGREE, GRID + DEGREE + 1) * step - 1
        self.register_buffer("knots", knots.expand(WIDTH, -1).contiguous())
        self.base = nn.Parameter(torch.randn(WIDTH, WIDTH) / 16)
        self.spline = nn.Parameter(torch.randn(WIDTH, WIDTH, GRID + DEGREE) / 64)
        self.scale = nn.Parameter(torch.randn(WIDTH, WIDTH) / 16)

    def bases(self, x: torch.Tensor) -> torch.Tensor:
        x, knots = x[..., None], self.knots
        bases = ((x >= knots[:, :-1]) & (x < knots[:, 1:])).to(x.dtype)
        for k in range(1, DEGREE + 1):
            left = (x - knots[:, : -(k + 1)]) / (knots[:, k:-1] - knots[:, : -(k + 1)])
            right = (knots[:, k + 1 :] - x) / (knots[:, k + 1 :] - knots[:, 1:-k])
            bases = left * bases[..., :-1] + right * bases[..., 1:]
        return bases

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = (self.spline * self.scale[..., None]).flatten(1)
        return F.linear(F.silu(x), self.base) + F.linear(self.bases(x).flatten(1), weight)


def pykan() -> Callable[[torch.Tensor], torch.Tensor] | None:
    """pykan's layer; its package is entered by the side door, since the front loads plotting."""
    found = importlib.util.find_spec("kan")
    if found is None:
        return None
    package = types.ModuleType("kan")
    package.__path__ = list(found.submodule_search_locations or ())
    sys.modules["kan"] = package
    layer = importlib.import_module("kan.KANLayer").KANLayer(WIDTH, WIDTH, num=GRID, k=DEGREE)
    return lambda x: layer(x)[0]


def seconds(layer: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, steps: int) -> float:
    begun = time.perf_counter()
    for _ in range(steps):
        layer(x).square().mean().backward()
    return (time.perf_counter() - begun) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    x = (2 * torch.rand(ROWS, WIDTH) - 1).requires_grad_()
    config = SplineConfig(WIDTH, grid=GRID, low=-1.0, high=1.0, std=0.02)
    layers = {"ours": Spline(config), "efficient-kan's formula": EfficientKAN(), "pykan": pykan()}
    layers = {name: layer for name, layer in layers.items() if layer is not None}
    steps = {"ours": 5, "efficient-kan's formula": 5, "pykan": 1}
    taken: dict[str, list[float]] = {name: [] for name in layers}
    for number in range(rounds + 1):
        for name, layer in layers.items():
            took = seconds(layer, x, steps[name])
            if number:  # the first round warms up
                taken[name].append(took)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {rounds} rounds")
    for name, times in taken.items():
        ratios = [theirs / ours for theirs, ours in zip(times, taken["ours"], strict=True)]
        print(
            f"{name}: {1e3 * statistics.median(times):.1f} ms, "
            f"{statistics.median(ratios):.2f} times ours ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
