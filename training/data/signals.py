"""A signal as a sum of decaying oscillations with planted poles: sample number -> value.

    h_k = sum_j r_j p_j^k + noise

Poles are drawn evenly from the disc of a radius, or given; residues are complex normal. Every
sample from 0 on is trained on, with the noise; held out are the same samples without it.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from interpretable_arch.maths.signals.hankel_operator import pole_sum
from training.data.task import Split, Task


@dataclass(frozen=True, eq=False)
class Signal(Split):
    """Sample numbers [sample, 1] and values [sample, 2]; the planted `poles` and `residues`."""

    poles: Complex[Tensor, " pole"]
    residues: Complex[Tensor, " pole"]

    def to(self, device: torch.device | str) -> "Signal":
        """The same samples on `device`."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))


def signals(
    count: int = 8,
    radius: float = 0.9,
    samples: int = 300,
    noise: float = 0.0,
    real: bool = False,
    signal_seed: int = 0,
    poles: tuple[tuple[float, float], ...] = (),
) -> Task:
    """The samples 0 to `samples` - 1 of a signal of `count` poles inside `radius`.

    `real` draws poles in conjugate pairs, so that the imaginary part is 0. `noise` is its standard
    deviation in units of the root mean square of the clean samples. `poles`, pairs of real and
    imaginary part, replace drawn ones. Raises ValueError for a pole that is not inside the circle,
    naming its radius, an odd count for `real`, sizes below 1 and negative noise.
    """
    for name, got, least in (("count", count, 1), ("samples", samples, 2)):
        if got < least:
            raise ValueError(f"{name}: wants {least} or more, got {got}")
    if not 0 < radius < 1:
        raise ValueError(f"radius: wants a number above 0 and below 1, got {radius}")
    if noise < 0 or signal_seed < 0:
        raise ValueError(f"noise, signal_seed: want 0 or more, got {noise}, {signal_seed}")
    generator = torch.Generator().manual_seed(signal_seed)
    found = _given(poles) if len(poles) else _drawn(count, radius, real, generator)
    residues = _residues(found, real and not len(poles), generator)
    number = torch.arange(samples)
    clean = torch.view_as_real(pole_sum(found, residues, number)).contiguous()
    blur = torch.randn(samples, 2, generator=generator, dtype=torch.float64)
    if real:
        blur[:, 1] = 0
    size = noise * float(clean.square().sum(1).mean().sqrt()) / math.sqrt(1 if real else 2)
    train = Signal(number[:, None], clean + size * blur, found, residues)
    said = f", noise {noise:g}" if noise else ""
    return Task(
        name=f"signal of {len(found)} poles inside {radius:g}, {samples} samples{said}",
        train=train,
        held_out=Signal(number[:, None], clean, found, residues),
        outputs=2,
        labels=("real part", "imaginary part"),
        dimensions={"samples": samples, "radius": radius, "outputs": 2},
        unit="mean squared error",
    )


def _given(poles: tuple[tuple[float, float], ...]) -> Complex[Tensor, " pole"]:
    """The poles asked for, checked to lie inside the circle."""
    found = torch.view_as_complex(torch.tensor(poles, dtype=torch.float64))
    furthest = float(found.abs().max())
    if not furthest < 1:
        raise ValueError(f"poles: wants all inside the circle, got one of radius {furthest:g}")
    return found


def _drawn(
    count: int, radius: float, real: bool, generator: torch.Generator
) -> Complex[Tensor, " pole"]:
    if real and count % 2:
        raise ValueError(f"count: wants an even number of poles for a real signal, got {count}")
    half = count // 2 if real else count
    uniform = _uniform(2, half, generator)
    span = math.pi if real else 2 * math.pi
    found = torch.polar(radius * uniform[0].sqrt(), span * uniform[1])
    return torch.cat([found, found.conj()]) if real else found


def _residues(
    poles: Complex[Tensor, " pole"], real: bool, generator: torch.Generator
) -> Complex[Tensor, " pole"]:
    half = len(poles) // 2 if real else len(poles)
    pairs = torch.randn(half, 2, generator=generator, dtype=torch.float64)
    found = torch.view_as_complex(pairs)
    return torch.cat([found, found.conj()]) if real else found


def _uniform(rows: int, columns: int, generator: torch.Generator) -> Float[Tensor, "row column"]:
    return torch.rand(rows, columns, generator=generator, dtype=torch.float64)
